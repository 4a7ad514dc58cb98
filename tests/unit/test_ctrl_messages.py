"""What Baresip says over ctrl_tcp is read in every dialect; what we say can never become a second command."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.core.events import ClosedBy, RegState
from console.phone.baresip_version import Version, parse_version
from console.phone.ctrl_listings import (
    ListedCall,
    parse_accounts,
    parse_calls,
    parse_current_call,
    parse_dialed,
)
from console.phone.ctrl_messages import (
    MAX_COMMAND,
    Cause,
    CommandRefused,
    PhoneMessage,
    Response,
    Unreadable,
    encode_command,
    parse,
    parse_cause,
)
from console.phone.netstring import Decoder

TRANSCRIPTS = Path(__file__).parents[1] / "fixtures" / "transcripts"
VERSIONS = ("1.0.0", "4.9.0")


def recorded(version: str, scenario: str) -> Iterator[dict[str, object]]:
    """What Baresip sent in this recording."""
    for line in (TRANSCRIPTS / version / f"{scenario}.jsonl").read_text().splitlines():
        entry = json.loads(line)
        if entry["dir"] == "in":
            yield entry["msg"]


def answers(version: str, scenario: str, needle: str) -> list[str]:
    """Texts of the recorded responses that contain `needle`."""
    return [str(m["data"]) for m in recorded(version, scenario) if needle in str(m.get("data", ""))]


# ---- commands ----


def payload_of(frame: bytes) -> dict[str, str]:
    decoder = Decoder()
    decoder.feed(frame)
    (payload,) = decoder.frames()
    value = json.loads(payload)
    assert isinstance(value, dict)
    return value


def test_a_command_is_one_frame_with_string_token() -> None:
    frame = encode_command("dial", "sip:79123456789@example.com", "7")
    assert payload_of(frame) == {"command": "dial", "params": "sip:79123456789@example.com", "token": "7"}
    assert payload_of(encode_command("reginfo", "", "8")) == {"command": "reginfo", "token": "8"}


@pytest.mark.parametrize(
    "params",
    ["sip:1@a\nhangup", "sip:1@a\r", "sip:1@a\x00", "sip:1@a\x1b[2J", "sip:1@a\u2028", "sip:\ud800@a"],
)
def test_control_characters_never_leave(params: str) -> None:
    for command in ("dial", "uanew", "sndcode"):
        with pytest.raises(CommandRefused):
            encode_command(command, params, "1")


@pytest.mark.parametrize(
    "params", ["", " ", "sip:1@a b", '"Me" <sip:1@a>', "<sip:1@a>", "sip:1@a;x=#", "sip:я@a"]
)
def test_dial_and_transfer_take_a_bare_uri_only(params: str) -> None:
    for command in ("dial", "transfer"):
        with pytest.raises(CommandRefused):
            encode_command(command, params, "1")


def test_a_command_that_baresip_would_cut_is_refused() -> None:
    fits = "a" * (MAX_COMMAND - len("uanew "))
    assert payload_of(encode_command("uanew", fits, "1"))["params"] == fits
    for too_long in (fits + "a", "я" * (MAX_COMMAND // 2)):
        with pytest.raises(CommandRefused):
            encode_command("uanew", too_long, "1")


@pytest.mark.parametrize("command", ["", "Dial", "dial x", "/dial", "dial\n", "quit;dial"])
def test_a_command_name_is_a_name(command: str) -> None:
    with pytest.raises(CommandRefused):
        encode_command(command, "", "1")


def test_a_refused_command_does_not_repeat_its_parameters() -> None:
    with pytest.raises(CommandRefused) as caught:
        encode_command("uanew", "<sip:a@b>;auth_pass=geheim\n", "1")
    assert "geheim" not in str(caught.value)


@given(st.text(max_size=60), st.sampled_from(["dial", "uanew", "hangup", "sndcode"]))
def test_whatever_is_typed_stays_one_line_of_one_command(params: str, command: str) -> None:
    try:
        frame = encode_command(command, params, "t")
    except CommandRefused:
        return
    message = payload_of(frame)
    assert message["command"] == command
    assert message.get("params", "") == params
    assert len(f"{command} {params}".splitlines()) == 1
    if command == "dial":
        assert " " not in params
        assert params


# ---- reading ----


@pytest.mark.parametrize("version", VERSIONS)
def test_every_recorded_frame_is_understood(version: str) -> None:
    seen = 0
    for path in (TRANSCRIPTS / version).glob("*.jsonl"):
        if path.name.endswith(".sip.jsonl"):
            continue
        for message in recorded(version, path.stem):
            parsed = parse(json.dumps(message).encode())
            kind = Response if message.get("response") else PhoneMessage
            assert isinstance(parsed, kind), message
            seen += 1
    assert seen > 500


def test_an_event_of_each_dialect() -> None:
    old = {
        "event": True,
        "type": "CALL_RINGING",
        "class": "call",
        "accountaor": "sip:console@a",
        "direction": "outgoing",
        "peeruri": "sip:100@a",
        "id": "f62e9b105c875ee7",
        "param": "sip:100@a",
    }
    assert parse(json.dumps(old).encode()) == PhoneMessage(
        "CALL_RINGING", "sip:100@a", "sip:console@a", "outgoing", "sip:100@a", "", "f62e9b105c875ee7"
    )
    new = old | {"remoteaudiodir": "recvonly", "contacturi": "sip:x", "novelty": {"a": [1]}}
    parsed = parse(json.dumps(new).encode())
    assert isinstance(parsed, PhoneMessage)
    assert parsed.remote_direction == "recvonly"
    # The module's own documentation shows the flag as a string.
    assert parse(b'{"event":"true","type":"EXIT"}') == PhoneMessage("EXIT")


def test_names_from_strangers_are_cleaned() -> None:
    raw = (
        b'{"event":true,"type":"CALL_INCOMING",'
        b'"peerdisplayname":"\\u001b[2JEve\\u0007","peeruri":"sip:e\\u202ev@x"}'
    )
    parsed = parse(raw)
    assert isinstance(parsed, PhoneMessage)
    assert (parsed.peer_name, parsed.peer_uri) == ("Eve", "sip:ev@x")


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"null",
        b"[]",
        b"42",
        b"{",
        b"\xff\xfe",
        b'{"event":true}',
        b'{"event":true,"type":5}',
        b"{}",
        b"[" * 100_000,
        b"1" * 5000,
    ],
)
def test_what_is_no_message_is_named_and_survived(frame: bytes) -> None:
    assert isinstance(parse(frame), Unreadable)


def test_bytes_that_are_not_utf8_do_not_lose_the_event() -> None:
    parsed = parse(b'{"event":true,"type":"CALL_CLOSED","id":"x","param":"486 Occup\xe9"}')
    assert isinstance(parsed, PhoneMessage)
    assert parse_cause(parsed.param).code == 486


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["event", "response", "message", "type", "param", "id", "token", "ok", "data", "peeruri"]
)


@given(
    st.binary(max_size=80) | st.dictionaries(FIELDS, JSON, max_size=8).map(lambda v: json.dumps(v).encode())
)
def test_hostile_frames_never_raise(frame: bytes) -> None:
    parsed = parse(frame)
    if isinstance(parsed, PhoneMessage):
        assert parse_cause(parsed.param).phrase.isprintable()
    if isinstance(parsed, Response):
        for read in (parse_calls, parse_accounts, parse_current_call, parse_dialed, parse_version):
            read(parsed.data)


def test_a_response_keeps_its_text_out_of_repr() -> None:
    parsed = parse(
        b'{"response":true,"ok":true,"data":"Creating UA for <sip:a@b>;auth_pass=geheim","token":"3"}'
    )
    assert isinstance(parsed, Response)
    assert (parsed.ok, parsed.token) == (True, "3")
    assert "geheim" not in repr(parsed)


# ---- causes ----


@pytest.mark.parametrize(
    ("param", "cause"),
    [
        ("486 Busy Here", Cause(486, "Busy Here", ClosedBy.REMOTE)),
        ('603 Decline,Q.850;cause=21;text="Call Rejected"', Cause(603, "Decline", ClosedBy.REMOTE)),
        ("404 ", Cause(404, "", ClosedBy.REMOTE)),
        ("Connection reset by peer", Cause(None, "Connection reset by peer", ClosedBy.REMOTE)),
        ("Connection reset by peer [104]", Cause(None, "Connection reset by peer", ClosedBy.REMOTE)),
        ("Connection reset by user", Cause(None, "Connection reset by user", ClosedBy.OPERATOR)),
        ("Rejected by user", Cause(None, "Rejected by user", ClosedBy.OPERATOR)),
        ("Connection timed out [110]", Cause(None, "Connection timed out", ClosedBy.TIMEOUT)),
        ("rtp stream error", Cause(None, "rtp stream error", ClosedBy.TIMEOUT)),
        ("Local timeout", Cause(None, "Local timeout", ClosedBy.TIMEOUT)),
        ("Connection refused [111]", Cause(None, "Connection refused", ClosedBy.NETWORK)),
        ("No such file or directory [2]", Cause(None, "No such file or directory", ClosedBy.NETWORK)),
        ("", Cause(None, "", ClosedBy.NETWORK)),
        ("200 OK", Cause(200, "OK", ClosedBy.REMOTE)),
        ("4860 Busy", Cause(None, "4860 Busy", ClosedBy.NETWORK)),
        ("486 \x1b[31mBusy\nHere", Cause(486, "Busy Here", ClosedBy.REMOTE)),
    ],
)
def test_why_a_call_ended(param: str, cause: Cause) -> None:
    assert parse_cause(param) == cause


# ---- answers for people ----


@pytest.mark.parametrize("version", VERSIONS)
def test_the_version_is_read_through_the_colours(version: str) -> None:
    (about,) = answers(version, "y_commands_idle", "Homepage")
    assert str(parse_version(about)) == version


def test_the_version_is_read_from_the_usage_text() -> None:
    assert parse_version("baresip v1.0.0 Copyright (C) 2010 - 2020 Alfred E. Heggestad et al.") == (1, 0, 0)
    assert parse_version("baresip 4.10 dev") == (4, 10, 0)
    assert parse_version("something else 1.2.3") is None


@pytest.mark.parametrize(
    ("version", "has_ids", "uareg", "proof", "by_id"),
    [
        (Version(1, 0, 0), False, False, False, False),
        (Version(1, 1, 0), True, False, False, False),
        (Version(2, 6, 0), True, True, False, False),
        (Version(3, 0, 0), True, True, True, False),
        (Version(3, 19, 0), True, True, True, True),
        (Version(4, 9, 0), True, True, True, True),
    ],
)
def test_what_a_version_can_do(
    version: Version, has_ids: bool, uareg: bool, proof: bool, by_id: bool
) -> None:
    found = (version.has_call_ids, version.has_uareg, version.answered_is_2xx, version.hangs_up_by_id)
    assert found == (has_ids, uareg, proof, by_id)


def test_listed_calls_of_both_dialects() -> None:
    old, *_ = answers("1.0.0", "o_second_dial_while_active", "Active calls (2)")
    assert parse_calls(old) == (
        ListedCall("sip:100@127.0.0.1:25060", "ESTABLISHED", line=1),
        ListedCall("sip:200@127.0.0.1:25070", "ESTABLISHED", current=True, line=2),
    )
    new, *_ = answers("4.9.0", "o_second_dial_while_active", "Active calls (2)")
    assert parse_calls(new) == (
        ListedCall("sip:100@127.0.0.1:26060", "ESTABLISHED", "636885648e87c19c", line=1),
        ListedCall("sip:200@127.0.0.1:26070", "ESTABLISHED", "24853cf93e5d8cdd", current=True, line=2),
    )
    (many,) = answers("1.0.0", "x_four_calls_limit", "Active calls (6)")
    assert [call.established for call in parse_calls(many)] == [True] * 3 + [False] * 3
    assert parse_calls("\n--- No active calls ---\n") == ()


@pytest.mark.parametrize("version", VERSIONS)
def test_the_current_call_has_its_id_in_both_dialects(version: str) -> None:
    (stat,) = answers(version, "v2_client_reconnects_mid_call", "Call debug")
    call = parse_current_call(stat)
    assert call is not None
    ids = {m.get("id") for m in recorded(version, "v2_client_reconnects_mid_call")} - {None}
    assert {call.sip_call_id} == ids
    assert call.established
    assert not call.incoming
    assert parse_current_call("\n(no active calls)\n") is None


def test_a_name_in_the_current_call_is_not_taken_for_its_fields() -> None:
    stat = (
        "\n===== Call debug (INCOMING) =====\n local_uri:  <sip:console@a>\n"
        " peer_uri:  af=AF_INET id=fake direction: Outgoing <sip:x@y> <sip:caller@b>\n"
        " af=AF_INET id=1-2@b\n direction: Incoming\nSDP session\n"
    )
    assert parse_current_call(stat) == ListedCall("sip:caller@b", "INCOMING", "1-2@b", True, incoming=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("scenario", "states"),
    [
        ("reg_ok", [RegState.OK, RegState.OK]),
        ("reg_503", [RegState.FAILED]),
        ("reg_ok_uanew", [RegState.REGISTERING, RegState.OK]),
        ("v_two_clients", [RegState.OFF, RegState.OFF]),
    ],
)
def test_registration_as_listed(version: str, scenario: str, states: list[RegState]) -> None:
    listings = [parse_accounts(text) for text in answers(version, scenario, "User Agents (1)")]
    assert [listing[0].state for listing in listings] == states
    assert {(account.index, account.aor[:12]) for (account,) in listings} == {(0, "sip:console@")}


def test_the_id_in_the_response_to_dial() -> None:
    assert parse_dialed("call uri: sip:100@a\ncall id: e57c5470e19372e3\n") == "e57c5470e19372e3"
    assert parse_dialed("") == ""
