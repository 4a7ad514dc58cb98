"""Every recorded session of both dialects, replayed: the answer is seen at the first permitted event and not
before the 200 OK on the wire; calls keep our ids; each is closed at most once."""

import itertools
import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.core.events import (
    AudioFailed,
    CallId,
    ClosedBy,
    Event,
    Ignored,
    PhoneAnswered,
    PhoneCallBound,
    PhoneClosed,
    PhoneConfirmed,
    PhoneDigit,
    PhoneEarlyMedia,
    PhoneEstablished,
    PhoneFound,
    PhoneHold,
    PhoneIncoming,
    PhoneMissed,
    PhoneRedirected,
    PhoneRinging,
    PhoneRtp,
    RegistrationChanged,
    RegState,
)
from console.phone.baresip_version import Version, parse_version
from console.phone.ctrl_listings import ListedCall, parse_calls, parse_current_call
from console.phone.ctrl_messages import PhoneMessage, Response, parse
from console.phone.dialogs import Dialogs
from console.phone.line_events import LineEvents

TRANSCRIPTS = Path(__file__).parents[1] / "fixtures" / "transcripts"
RECORDINGS = sorted(p for p in TRANSCRIPTS.glob("*/*.jsonl") if not p.name.endswith(".sip.jsonl"))
LATE_STAMP = 0.002
"""Seconds: the SIP peer writes its time just after a send."""


def version_of(recording: Path) -> Version:
    version = parse_version(f"baresip {recording.parent.name}")
    assert version is not None
    return version


@dataclass
class Replay:
    """What the console would have been told, with the time of the frame that told it."""

    events: list[tuple[float, Event]] = field(default_factory=list)
    messages: list[tuple[float, PhoneMessage]] = field(default_factory=list)
    ids: dict[CallId, str] = field(default_factory=dict)

    def of(self, *kinds: type) -> list[Event]:
        return [event for _, event in self.events if isinstance(event, kinds)]

    def kinds(self) -> list[str]:
        return [type(event).__name__ for _, event in self.events]

    def add(self, t: float, events: list[Event]) -> None:
        self.events += [(t, event) for event in events]
        self.ids |= {e.call: e.sip_call_id for e in events if isinstance(e, PhoneCallBound)}


def replay(recording: Path) -> Replay:
    """Drive the adapter as the client would; a new connection resynchronises from what was asked there."""
    found, counter = Replay(), itertools.count(1)
    dialogs = Dialogs(version_of(recording), lambda: CallId(f"new{next(counter)}"))
    line = LineEvents()
    sent: dict[str, tuple[str, CallId]] = {}
    for text in recording.read_text().splitlines():
        entry = json.loads(text)
        t, message = entry["t"], entry["msg"]
        client = entry.get("client")
        if not isinstance(message, dict):
            continue
        if entry["dir"] == "out":
            call = CallId(f"call{message.get('token')}")
            sent[str(message.get("token"))] = (str(message["command"]), call)
            if message["command"] == "dial":
                dialogs.dial(call, str(message.get("params", "")))
        elif entry["dir"] == "in":
            parsed = parse(json.dumps(message).encode())
            if isinstance(parsed, Response):
                command, call = sent.get(parsed.token or "", ("", CallId("")))
                if command == "dial":
                    found.add(t, dialogs.dialed(call, parsed))
                elif command == "listcalls" and client == "second" and len(found.of(PhoneConfirmed)) == 0:
                    found.add(t, dialogs.resync(parse_calls(parsed.data), lambda _: False))
            elif isinstance(parsed, PhoneMessage):
                found.messages.append((t, parsed))
                is_call = parsed.type.startswith("CALL_") or parsed.type in ("TRANSFER", "AUDIO_ERROR")
                found.add(t, (dialogs if is_call else line).receive(parsed))
    return found


def answers_on_the_wire(recording: Path) -> list[tuple[float, str]]:
    """Times and Call-IDs of the 200 OK responses to an INVITE."""
    path = recording.with_name(recording.name.replace(".jsonl", ".sip.jsonl"))
    if not path.exists():
        return []
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    return [
        (entry["t"], entry["call_id"])
        for entry in entries
        if entry["msg"].startswith("SIP/2.0 200") and entry["cseq"].endswith("INVITE")
    ]


def first_answers(recording: Path, found: Replay) -> dict[CallId, float]:
    """Per call, when the console first had proof of a 2xx."""
    proof = (PhoneEstablished, PhoneAnswered) if version_of(recording) >= (3, 0) else (PhoneEstablished,)
    first: dict[CallId, float] = {}
    for t, event in found.events:
        if isinstance(event, proof):
            first.setdefault(event.call, t)
    return first


def test_there_are_recordings_of_both_dialects() -> None:
    assert {path.parent.name for path in RECORDINGS} == {"1.0.0", "4.9.0"}
    assert len(RECORDINGS) > 130


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_the_answer_is_never_early_and_never_late(recording: Path) -> None:
    found = replay(recording)
    on_the_wire = answers_on_the_wire(recording)
    permitted = {"CALL_ESTABLISHED"} | ({"CALL_ANSWERED"} if version_of(recording) >= (3, 0) else set())
    for call, t in first_answers(recording, found).items():
        times = [at for at, sip_call_id in on_the_wire if sip_call_id == found.ids[call]]
        if recording.with_name(f"{recording.stem}.sip.jsonl").exists():
            assert times, f"{call} counts as answered without a 200 OK"
            assert t >= min(times) - LATE_STAMP
        told = [at for at, m in found.messages if m.type in permitted and m.sip_call_id == found.ids[call]]
        if told:
            assert t <= min(told), "the answer was seen later than Baresip told it"


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_every_answer_that_baresip_tells_is_seen(recording: Path) -> None:
    found = replay(recording)
    established = {m.sip_call_id for _, m in found.messages if m.type == "CALL_ESTABLISHED"}
    assert {found.ids[e.call] for e in found.of(PhoneEstablished) if hasattr(e, "call")} >= established


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_a_call_closes_at_most_once_and_is_silent_afterwards(recording: Path) -> None:
    found = replay(recording)
    closed: set[CallId] = set()
    for _, event in found.events:
        call = getattr(event, "call", None)
        assert call is None or call not in closed
        if isinstance(event, PhoneClosed):
            closed.add(event.call)
    told = [m for _, m in found.messages if m.type == "CALL_CLOSED"]
    assert len(closed) >= len({m.sip_call_id for m in told})
    assert found.of(Ignored) == [] or "transfer" in recording.stem


def recording(version: str, scenario: str) -> Replay:
    return replay(TRANSCRIPTS / version / f"{scenario}.jsonl")


VERSIONS = pytest.mark.parametrize("version", ["1.0.0", "4.9.0"])


@VERSIONS
@pytest.mark.parametrize(
    "scenario",
    ["c_183sdp_early_media_486", "j2_early_media_local_cancel", "j_no_answer_local_cancel", "g_180_486_busy"],
)
def test_early_media_and_ringing_are_no_answer(version: str, scenario: str) -> None:
    found = recording(version, scenario)
    assert found.of(PhoneEarlyMedia, PhoneRinging)
    assert found.of(PhoneEstablished, PhoneAnswered) == []
    (closed,) = found.of(PhoneClosed)
    assert isinstance(closed, PhoneClosed)
    assert closed.by is (ClosedBy.OPERATOR if scenario.startswith("j") else ClosedBy.REMOTE)
    assert closed.code == (None if scenario.startswith("j") else 486)


@VERSIONS
def test_early_media_then_answer(version: str) -> None:
    kinds = [k for k in recording(version, "d_183sdp_200_remote_bye").kinds() if k != "PhoneAnswered"]
    assert kinds == ["PhoneCallBound", "PhoneEarlyMedia", "PhoneRtp", "PhoneEstablished", "PhoneClosed"]


@VERSIONS
def test_two_calls_keep_their_ids(version: str) -> None:
    found = recording(version, "o_second_dial_while_active")
    closed = [e.call for e in found.of(PhoneClosed) if isinstance(e, PhoneClosed)]
    assert closed == ["callt2", "callt1"]
    assert [e.call for e in found.of(PhoneEstablished) if isinstance(e, PhoneEstablished)] == closed[::-1]


@VERSIONS
def test_an_incoming_call(version: str) -> None:
    found = recording(version, "p_incoming_accept_local_hangup")
    assert found.kinds() == ["PhoneIncoming", "PhoneCallBound", "PhoneEstablished", "PhoneClosed"]
    (incoming,) = found.of(PhoneIncoming)
    assert isinstance(incoming, PhoneIncoming)
    assert incoming.name == "Caller Example"
    assert incoming.peer.startswith("sip:caller@127.0.0.1")


@VERSIONS
def test_a_call_that_lives_through_a_lost_link(version: str) -> None:
    found = recording(version, "v2_client_reconnects_mid_call")
    assert found.kinds() == [
        "PhoneCallBound",
        "PhoneRinging",
        "PhoneConfirmed",
        "PhoneEstablished",
        "PhoneClosed",
    ]
    assert {getattr(event, "call", None) for _, event in found.events} == {"callt1"}


def test_hold_is_reported_where_baresip_tells() -> None:
    held = [
        e.held for e in recording("4.9.0", "m_remote_hold_resume").of(PhoneHold) if isinstance(e, PhoneHold)
    ]
    assert held == [True, False]


@VERSIONS
@pytest.mark.parametrize(
    ("scenario", "digits"), [("r_dtmf_rfc2833_received", "15"), ("r2_dtmf_info_received", "7#")]
)
def test_keys_of_the_callee(version: str, scenario: str, digits: str) -> None:
    found = recording(version, scenario).of(PhoneDigit)
    assert "".join(e.digit for e in found if isinstance(e, PhoneDigit)) == digits


def test_a_failed_audio_device_at_the_answer() -> None:
    old = recording("1.0.0", "x_audio_source_missing")
    assert old.kinds()[-2:] == ["AudioFailed", "PhoneClosed"]
    (failed,) = old.of(AudioFailed)
    assert isinstance(failed, AudioFailed)
    assert "No such file" in failed.reason
    new = recording("4.9.0", "x_audio_source_missing")
    assert new.kinds()[-3:] == ["PhoneAnswered", "AudioFailed", "PhoneClosed"]


def test_a_redirection_is_shown_and_a_followed_one_is_ours_to_hang_up() -> None:
    found = recording("4.9.0", "l2_302_autoredirect")
    assert found.of(PhoneRedirected) == [PhoneRedirected(CallId("callt1"), "sip:redirected@127.0.0.1:26070")]
    (closed, _) = found.of(PhoneClosed)
    assert isinstance(closed, PhoneClosed)
    assert (closed.call, closed.code) == ("callt1", 302)
    (second,) = found.of(PhoneFound)
    assert isinstance(second, PhoneFound)
    assert second.ours
    assert not second.established


@VERSIONS
def test_a_dial_that_baresip_refuses_closes_its_call_with_the_reason(version: str) -> None:
    reasons = [
        e.reason for e in recording(version, "t_malformed_dial").of(PhoneClosed) if isinstance(e, PhoneClosed)
    ]
    assert "Protocol not supported" in reasons
    assert "Function not implemented" in reasons


@VERSIONS
@pytest.mark.parametrize(
    ("scenario", "states"),
    [
        ("reg_ok", [(RegState.OK, 200, "OK")]),
        ("reg_wrong_password_403", [(RegState.FAILED, 403, "Forbidden")]),
        ("reg_503", [(RegState.FAILED, 503, "Service Unavailable")]),
        ("reg_unreachable_silent", [(RegState.FAILED, None, "Connection timed out")]),
    ],
)
def test_registration(version: str, scenario: str, states: list[tuple[RegState, int | None, str]]) -> None:
    changes = [
        (e.state, e.code, e.reason)
        for e in recording(version, scenario).of(RegistrationChanged)
        if isinstance(e, RegistrationChanged) and e.state is not RegState.REGISTERING
    ]
    assert changes[: len(states)] == states


# ---- what no recording shows ----


def dialogs_of(version: Version) -> Dialogs:
    counter = itertools.count(1)
    return Dialogs(version, lambda: CallId(f"new{next(counter)}"))


def message(kind: str, sip_call_id: str = "", direction: str = "outgoing", **more: str) -> PhoneMessage:
    return PhoneMessage(kind, direction=direction, peer_uri="sip:1@a", sip_call_id=sip_call_id, **more)


OK_WITH_ID = Response(True, "call uri: sip:1@a\ncall id: ours\n", "1")


def test_events_that_overtake_the_response_wait_for_the_id() -> None:
    dialogs = dialogs_of(Version(4, 9))
    dialogs.dial(CallId("c"), "sip:1@a")
    # Another program on a joined phone dials the same number in the same moment.
    assert dialogs.receive(message("CALL_RINGING", "theirs")) == []
    assert dialogs.receive(message("CALL_RINGING", "ours")) == []
    events = dialogs.dialed(CallId("c"), OK_WITH_ID)
    assert events == [
        PhoneCallBound(CallId("c"), "ours"),
        PhoneFound(CallId("new1"), "sip:1@a", established=False, ours=False),
        PhoneCallBound(CallId("new1"), "theirs"),
        PhoneRinging(CallId("new1")),
        PhoneRinging(CallId("c")),
    ]


def test_a_dial_without_response_is_found_by_its_peer() -> None:
    dialogs = dialogs_of(Version(4, 9))
    dialogs.dial(CallId("c"), "sip:1@a")
    dialogs.receive(message("CALL_OUTGOING", "ours"))
    assert dialogs.dialed(CallId("c"), None) == [PhoneCallBound(CallId("c"), "ours")]


def test_repeated_answers_are_told_once() -> None:
    dialogs = dialogs_of(Version(4, 9))
    dialogs.dial(CallId("c"), "sip:1@a")
    dialogs.dialed(CallId("c"), OK_WITH_ID)
    kinds = ["CALL_ANSWERED", "CALL_ESTABLISHED", "CALL_ANSWERED", "CALL_ESTABLISHED", "CALL_RINGING"]
    told = [event for kind in kinds for event in dialogs.receive(message(kind, "ours"))]
    assert told == [PhoneAnswered(CallId("c")), PhoneEstablished(CallId("c"))]


def test_hold_is_read_from_the_sdp_before_3_7() -> None:
    dialogs = dialogs_of(Version(2, 0))
    dialogs.dial(CallId("c"), "sip:1@a")
    dialogs.dialed(CallId("c"), OK_WITH_ID)
    dialogs.receive(message("CALL_ESTABLISHED", "ours"))
    told: list[Event] = []
    for direction in ("sendrecv", "recvonly", "recvonly", "sendrecv"):
        told += dialogs.receive(message("CALL_REMOTE_SDP", "ours", remote_direction=direction))
    assert told == [PhoneHold(CallId("c"), True), PhoneHold(CallId("c"), False)]


def test_resync_finds_confirms_and_closes() -> None:
    dialogs = dialogs_of(Version(4, 9))
    for call, sip_call_id in (("kept", "k"), ("lost", "l")):
        dialogs.dial(CallId(call), "sip:1@a")
        dialogs.dialed(CallId(call), Response(True, f"call id: {sip_call_id}\n", "1"))
    listed = [
        ListedCall("sip:1@a", "RINGING", "k"),
        ListedCall("sip:2@a", "ESTABLISHED", "x"),
        ListedCall("sip:3@a", "INCOMING", "y"),
    ]
    events = dialogs.resync(listed, lambda call: call.sip_call_id == "x")
    assert [e for e in events if not isinstance(e, PhoneCallBound)] == [
        PhoneConfirmed(CallId("kept")),
        PhoneFound(CallId("new1"), "sip:2@a", established=True, ours=True),
        PhoneIncoming(CallId("new2"), "sip:3@a", ""),
        PhoneClosed(CallId("lost"), None, "ended while the control link was lost", ClosedBy.NETWORK),
    ]


def test_the_current_call_of_1_0_0_is_bound_at_resync() -> None:
    dialogs = dialogs_of(Version(1, 0))
    dialogs.dial(CallId("c"), "sip:1@a")
    dialogs.dialed(CallId("c"), Response(True, "", "1"))
    current = parse_current_call("== Call debug (ESTABLISHED) ==\n peer_uri:   <sip:1@a>\n af=AF_INET id=z\n")
    assert current is not None
    assert dialogs.resync([current], lambda _: False) == [
        PhoneConfirmed(CallId("c")),
        PhoneCallBound(CallId("c"), "z"),
        PhoneEstablished(CallId("c")),
    ]


def test_unknown_events_are_named_once_and_refused_callers_are_missed_calls() -> None:
    line = LineEvents()
    assert line.receive(PhoneMessage("NOVELTY")) == [Ignored("baresip", "unknown event NOVELTY")]
    assert line.receive(PhoneMessage("NOVELTY")) == []
    assert line.receive(PhoneMessage("VU_RX_REPORT")) == []
    busy = PhoneMessage("SIPSESS_FAILED", "486 Max Calls", peer_uri="sip:x@y")
    assert line.receive(busy) == [PhoneMissed("sip:x@y")]
    assert line.receive(PhoneMessage("SIPSESS_FAILED", "404 Not Found")) == []


def test_registration_of_another_account_is_not_ours() -> None:
    line = LineEvents()
    line.account = "sip:me@a"
    assert line.receive(PhoneMessage("REGISTER_OK", "200 OK", account="sip:other@b")) == []
    assert line.receive(PhoneMessage("REGISTER_OK", "200 OK", account="sip:me@a"))


KINDS = ["CALL_OUTGOING", "CALL_INCOMING", "CALL_LOCAL_SDP", "CALL_RINGING", "CALL_PROGRESS", "CALL_ANSWERED"]
KINDS += ["CALL_ESTABLISHED", "CALL_REMOTE_SDP", "CALL_RTPESTAB", "CALL_HOLD", "CALL_RESUME", "CALL_CLOSED"]
KINDS += ["CALL_DTMF_START", "CALL_REDIRECT", "TRANSFER", "AUDIO_ERROR", "CALL_NOVELTY"]
MESSAGES = st.builds(
    PhoneMessage,
    type=st.sampled_from(KINDS),
    param=st.sampled_from(["", "audio", "5", "486 Busy Here", "302,sip:2@a", "Connection reset by user"]),
    direction=st.sampled_from(["outgoing", "incoming", ""]),
    peer_uri=st.sampled_from(["sip:1@a", "sip:2@a"]),
    sip_call_id=st.sampled_from(["", "x", "y", "z"]),
    remote_direction=st.sampled_from(["", "sendrecv", "recvonly"]),
)
LISTINGS = st.lists(
    st.builds(
        ListedCall,
        peer_uri=st.sampled_from(["sip:1@a", "sip:2@a"]),
        state=st.sampled_from(["ESTABLISHED", "RINGING", "INCOMING"]),
        sip_call_id=st.sampled_from(["", "x", "y"]),
    ),
    max_size=3,
)
ANSWERS = st.sampled_from([None, Response(True, "", "1"), OK_WITH_ID, Response(False, "no", "1")])


@given(
    st.sampled_from([Version(1, 0), Version(2, 0), Version(4, 9)]),
    st.lists(st.one_of(MESSAGES, LISTINGS, ANSWERS, st.just("dial")), max_size=40),
)
def test_whatever_baresip_tells_a_call_is_closed_once_and_answered_once(
    version: Version, history: list[object]
) -> None:
    dialogs, dialed, told = dialogs_of(version), 0, []
    for item in history:
        if item == "dial":
            dialed += 1
            dialogs.dial(CallId(f"c{dialed}"), "sip:1@a")
        elif isinstance(item, PhoneMessage):
            told += dialogs.receive(item)
        elif isinstance(item, list):
            told += dialogs.resync(item, lambda call: call.state == "RINGING")
        else:
            told += dialogs.dialed(CallId(f"c{dialed}"), item)
    for kind in (PhoneClosed, PhoneEstablished, PhoneAnswered, PhoneIncoming, PhoneFound):
        calls = [event.call for event in told if isinstance(event, kind)]
        assert len(calls) == len(set(calls))
    closed: set[CallId] = set()
    for event in told:
        call = getattr(event, "call", None)
        assert call not in closed
        if isinstance(event, PhoneClosed):
            closed.add(event.call)


def test_rtp_is_told_once_and_video_is_not_audio() -> None:
    dialogs = dialogs_of(Version(4, 9))
    dialogs.dial(CallId("c"), "sip:1@a")
    dialogs.dialed(CallId("c"), OK_WITH_ID)
    told: list[Event] = []
    for stream in ("video", "audio", "audio"):
        told += dialogs.receive(message("CALL_RTPESTAB", "ours", param=stream))
    assert told == [PhoneRtp(CallId("c"))]
