"""The end of a call as it is read from the SIP trace of the embedded stack."""

import logging

import pytest

from console.phone.sip_trace import ended_call, told_of_ends

BYE_200 = (
    "TX UDP 127.0.0.1:5071 -> 127.0.0.1:5062\n"
    "SIP/2.0 200 OK\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:5062;branch=z9hG4bK1;rport=5062\r\n"
    "To: <sip:console@127.0.0.1>;tag=a\r\nFrom: <sip:100@127.0.0.1>;tag=b\r\n"
    "Call-ID: 5d1c8a@host\r\nCSeq: 2 BYE\r\nServer: baresip\r\nContent-Length: 0\r\n\r\n"
)


def test_our_200_to_a_bye_names_the_call() -> None:
    assert ended_call(BYE_200) == "5d1c8a@host"


@pytest.mark.parametrize("name", ["i: ", "call-id:", "Call-ID :"])
def test_however_the_far_side_writes_the_header(name: str) -> None:
    assert ended_call(BYE_200.replace("Call-ID: ", name)) == "5d1c8a@host"


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("TX ", "RX "),  # the far side's 200 to our own BYE
        (" 200 OK", " 481 Call Does Not Exist"),  # a BYE of no call of ours
        (" 200 OK", " 500 Server Internal Error"),
        ("2 BYE", "2 INVITE"),
        ("2 BYE", "2 BYEBYE"),
        ("CSeq: 2 BYE", "CSeq: 2 OPTIONS\r\nX-CSeq: 2 BYE"),
        ("Call-ID: 5d1c8a@host\r\n", ""),
    ],
)
def test_nothing_else_is_an_end(part: str, other: str) -> None:
    assert ended_call(BYE_200.replace(part, other)) is None


def test_the_trace_goes_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    ended: list[str] = []
    logger = logging.getLogger("baresip.native.sip")
    with caplog.at_level(logging.DEBUG), told_of_ends(ended.append):
        logger.debug("%s", BYE_200)
        logger.debug("%s", "TX UDP a -> b\nREGISTER sip:x SIP/2.0\r\nAuthorization: Digest secret\r\n\r\n")
    logger.debug("%s", BYE_200)
    assert ended == ["5d1c8a@host"]
    assert caplog.records == []
