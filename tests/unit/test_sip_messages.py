"""SIP messages: what is written can be read, what strangers write never crashes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.demo.sip_messages import (
    MalformedSip,
    Request,
    Response,
    Uri,
    address,
    credentials,
    parameters,
    parse,
    parse_uri,
    respond,
)

INVITE = (
    b"INVITE sip:79750000001@127.0.0.1:5060 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.1:5071;branch=z9hG4bK1;rport\r\n"
    b'From: "A, B" <sip:console@127.0.0.1>;tag=abc\r\n'
    b"To: <sip:79750000001@127.0.0.1>\r\n"
    b"Call-ID: 77aa\r\n"
    b"CSeq: 31 INVITE\r\n"
    b"Content-Length: 4\r\n\r\nbody"
)
HEADERS = tuple(
    (name, value)
    for name, value in (
        ("via", "SIP/2.0/UDP h;branch=z9"),
        ("from", "<sip:a@b>;tag=1"),
        ("to", "<sip:c@d>"),
        ("call-id", "x"),
        ("cseq", "1 INVITE"),
    )
)


def test_a_request_is_read() -> None:
    request = parse(INVITE)
    assert isinstance(request, Request)
    assert (request.method, request.uri, request.body) == (
        "INVITE",
        "sip:79750000001@127.0.0.1:5060",
        b"body",
    )
    assert (request.cseq, request.branch) == ((31, "INVITE"), "z9hG4bK1")
    assert parse_uri(address(request.get("From"))) == Uri("console", "127.0.0.1", 5060)


def test_a_response_is_read() -> None:
    response = parse(
        INVITE.replace(b"INVITE sip:79750000001@127.0.0.1:5060 SIP/2.0", b"SIP/2.0 486 Busy  Here")
    )
    assert isinstance(response, Response)
    assert (response.status, response.reason) == (486, "Busy  Here")


def test_compact_folded_and_bare_lines_are_tolerated() -> None:
    text = (
        b"BYE sip:x@y SIP/2.0\n"
        b"v: SIP/2.0/UDP h1;branch=1, SIP/2.0/UDP h2;branch=2\n"
        b"f: <sip:a@b>\n"
        b" ;tag=7\n"
        b"t: sip:c@d;tag=8\n"
        b"i: q\nCSEQ: 2 BYE\n\n"
    )
    request = parse(text)
    assert request.every("via") == ("SIP/2.0/UDP h1;branch=1", "SIP/2.0/UDP h2;branch=2")
    assert parameters(request.get("from")) == {"tag": "7"}
    assert (address(request.get("to")), parameters(request.get("to"))) == ("sip:c@d", {"tag": "8"})


def test_commas_in_quotes_and_brackets_do_not_split() -> None:
    text = INVITE.replace(b"\r\nCSeq", b'\r\nContact: "A, B" <sip:a@b;x=1,2>, <sip:c@d>\r\nCSeq')
    assert parse(text).every("contact") == ('"A, B" <sip:a@b;x=1,2>', "<sip:c@d>")


@pytest.mark.parametrize("length", [b"4000", b"-1", b"x", b"99999999999999", b""])
def test_a_wrong_content_length_does_no_harm(length: bytes) -> None:
    assert parse(INVITE.replace(b"Content-Length: 4", b"Content-Length: " + length)).body == b"body"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"hello",
        b"INVITE sip:x SIP/3.0\r\n\r\n",
        INVITE.replace(b"Call-ID: 77aa\r\n", b""),
        INVITE.replace(b"CSeq: 31 INVITE", b"CSeq: many INVITE"),
        INVITE.replace(b"CSeq: 31 INVITE", b"CSeq: 31"),
    ],
)
def test_what_cannot_be_answered_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedSip):
        parse(data)


def test_a_response_copies_what_it_must() -> None:
    request = parse(INVITE.replace(b"\r\nFrom", b"\r\nVia: SIP/2.0/UDP p;branch=z2\r\nFrom"))
    assert isinstance(request, Request)
    response = respond(request, 180, to_tag="t1")
    assert response.every("via") == request.every("via")
    assert parameters(response.get("to")) == {"tag": "t1"}
    for name in ("from", "call-id", "cseq"):
        assert response.get(name) == request.get(name)
    assert respond(request, 480).reason == "Temporarily Unavailable"


def test_digest_fields() -> None:
    given_ = credentials('Digest username="a\\"b", realm="r, s", nc=00000001, qop=auth, uri="sip:x"')
    assert given_["realm"] == "r, s"
    assert given_["nc"] == "00000001"
    assert given_["uri"] == "sip:x"


@pytest.mark.parametrize("text", ["", "tel:123", "sip:a@h:0", "sip:a@h:99999", "http://x"])
def test_what_is_no_sip_uri(text: str) -> None:
    assert parse_uri(text) is None


@given(st.binary(max_size=400))
def test_arbitrary_bytes_never_crash(data: bytes) -> None:
    try:
        message = parse(data)
    except MalformedSip:
        return
    message.encode()


@given(st.binary(max_size=60), st.integers(0, len(INVITE)), st.integers(0, 60))
def test_damaged_messages_never_crash(junk: bytes, at: int, cut: int) -> None:
    try:
        message = parse(INVITE[:at] + junk + INVITE[at + cut :])
    except MalformedSip:
        return
    parameters(message.get("from")), address(message.get("to")), credentials(message.get("via"))
    assert message.cseq[0] >= 0


_words = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=',<>";'), min_size=1, max_size=12
)


@given(st.dictionaries(_words.map(str.lower).filter(str.isalnum), _words, max_size=5), st.binary(max_size=80))
def test_what_is_written_is_read_back(extra: dict[str, str], body: bytes) -> None:
    known = {"content-length", "i", "m", "e", "l", "c", "f", "s", "k", "t", "v", *(n for n, _ in HEADERS)}
    own = tuple((f"x-{name}", value) for name, value in extra.items() if name not in known)
    request = Request("INVITE", "sip:a@b", HEADERS + own, body)
    back = parse(request.encode())
    assert isinstance(back, Request)
    assert (back.method, back.uri, back.body) == (request.method, request.uri, request.body)
    assert back.headers[:-1] == request.headers
    assert back.get("content-length") == str(len(body))
