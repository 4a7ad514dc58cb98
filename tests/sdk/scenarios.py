"""The scenarios of the comparison: what the server does, what the client is asked, and how it is judged.

A judge gives what was observed and whether it is right. It sees what the client told and the server's record.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from console.demo.conversation.record import Record, Seen
from console.demo.conversation.script import RestAnswer, Script, Step
from tests.sdk.task import KEY, USER, Told

SLOW = float(os.environ.get("TEST_TIME_FACTOR", "1"))
SECOND = 32_000
ALIVE = Step("say", text="still here", seconds=0.2)
NO_KEY = RestAnswer(401, {"detail": {"status": "invalid_api_key", "message": f"Invalid API key {KEY}"}})


@dataclass
class Seat:
    """What a judge sees."""

    told: Told
    record: Record

    @property
    def seen(self) -> Seen:
        return self.record.conversations[0]

    @property
    def results(self) -> list[dict[str, Any]]:
        return [m for m in self.seen.messages if m["type"] == "client_tool_result"]

    def mono(self, do: str) -> float:
        """When the server did its last step of this kind."""
        found: float = [e["mono"] for e in self.record.entries if e.get("do") == do][-1]
        return found


Judge = Callable[[Seat], tuple[bool, str]]


@dataclass(frozen=True)
class Scenario:
    check: str
    what: str
    script: Script
    judge: Judge
    task: dict[str, Any] = field(default_factory=dict)


def audio(payload: bytes, event_id: int, **more: object) -> Step:
    event = {"audio_base_64": base64.b64encode(payload).decode(), "event_id": event_id, **more}
    return Step("send", body={"type": "audio", "audio_event": event})


def marked(number: int, samples: int = 1600) -> bytes:
    return bytes([number, 0]) * samples


def is_digest(*payloads: bytes) -> Judge:
    """Exactly this audio was given to the player."""
    wanted = hashlib.sha256(b"".join(payloads)).hexdigest()

    def judge(seat: Seat) -> tuple[bool, str]:
        right = seat.told.digest == wanted
        return right, f"{seat.told.handed} bytes, {'as sent' if right else 'not as sent'}"

    return judge


def lives_on(seat: Seat) -> tuple[bool, str]:
    alive = "still here" in seat.told.texts and not seat.told.ended
    return alive, "goes on" if alive else f"ENDED: {seat.told.said[:90].strip()}"


def first_frames(seat: Seat) -> tuple[bool, str]:
    violations = seat.seen.violations
    return not violations, violations[0].partition(": ")[2] if violations else "none before it"


def formats(seat: Seat) -> tuple[bool, str]:
    right = seat.told.formats == ["ulaw_8000", "ulaw_8000"]
    return right, "as the server says" if right else "16 kHz PCM assumed: noise"


def keeps_flowing(seat: Seat) -> tuple[bool, str]:
    assert seat.seen.audio is not None
    longest = max(seat.seen.audio.gaps, default=0.0)
    return longest < 0.75 * SLOW, f"longest gap {longest:.1f} s"


def pongs(seat: Seat) -> tuple[bool, str]:
    delays = sorted(seat.seen.pong_ms)
    median = delays[len(delays) // 2] if delays else float("inf")
    return median < 50 and not seat.seen.violations, f"median {median:.1f} ms"


def minute(seat: Seat) -> tuple[bool, str]:
    return seat.told.handed == 60 * SECOND, f"{seat.told.handed / SECOND:.1f} s of 60 given to the player"


def big(seat: Seat) -> tuple[bool, str]:
    return seat.told.handed == 6 * 2**20, f"{seat.told.handed} bytes taken"


def silent_after_interruption(seat: Seat) -> tuple[bool, str]:
    more = seat.told.played_until - seat.mono("interrupt")
    return more < 0.2 * SLOW, f"{max(0.0, more):.2f} s more are heard"


def corrected(seat: Seat) -> tuple[bool, str]:
    return seat.told.corrections == ["Good"], str(seat.told.corrections)


def one_text(wanted: str | None = None, is_error: bool | None = None) -> Judge:
    """Exactly one result, a text, and no complaint of the server."""

    def judge(seat: Seat) -> tuple[bool, str]:
        if seat.seen.violations:
            return False, f"REFUSED: {seat.seen.violations[0].partition(': ')[2]}"
        results = seat.results
        if len(results) != 1:
            return False, f"{len(results)} results"
        text = str(results[0]["result"])
        right = wanted in (None, text) and is_error in (None, results[0]["is_error"])
        return right, f"{text[:60]!r}{', an error' if results[0]['is_error'] else ''}"

    return judge


def heard_out(seat: Seat) -> tuple[bool, str]:
    played = seat.told.played
    return played > 4.0 - 0.2, f"{played:.1f} s of 4.0 are heard"


def closes(seat: Seat) -> tuple[bool, str]:
    close, gone = seat.seen.close_seen, seat.seen.closed
    after = [e["mono"] for e in seat.record.entries if e["event"] == "closed"]
    if close is None or gone is None or not after:
        return False, "socket still open after 8 s"
    seconds = after[-1] - seat.told.asked
    if seconds > 8.0:  # it was ended from outside
        return False, "socket still open after 8 s"
    return seconds < 2.0 * SLOW, f"socket gone after {seconds:.1f} s"


def tells(*words: str) -> Judge:
    """What ended it, or went wrong, can be told to a person."""

    def judge(seat: Seat) -> tuple[bool, str]:
        right = all(word in seat.told.said for word in words)
        return right, (seat.told.said.strip() or "nothing told")[:90]

    return judge


def queue(seat: Seat) -> tuple[bool, str]:
    return seat.told.queue == ["waiting", "admitted"], ", ".join(seat.told.queue) or "nothing told"


def gives_up(seat: Seat) -> tuple[bool, str]:
    after = seat.told.failed_after
    return 0 < after < 4.0 * SLOW, f"gave up after {after:.1f} s" if after else "still waiting after 13 s"


def no_secret(seat: Seat) -> tuple[bool, str]:
    leaked = KEY in seat.told.said
    told = seat.told.said.replace(KEY, "<the key>")
    return not leaked and seat.told.ended, ("KEY TOLD: " if leaked else "") + told.strip()[:80]


def no_thread(seat: Seat) -> tuple[bool, str]:
    return seat.told.threads <= 0, f"{max(0, seat.told.threads)} threads left"


def quick(seat: Seat) -> tuple[bool, str]:
    after = next(e["mono"] for e in seat.record.entries if e.get("upgrade")) - seat.told.answered
    return after < 0.35 * SLOW, f"{1000 * after:.0f} ms"


def user(seat: Seat) -> tuple[bool, str]:
    sent = seat.seen.initiation.get("user_id")
    return sent == USER, "sent" if sent else "not sent"


def script(*steps: Step, **options: Any) -> Script:
    options.setdefault("early_audio", True)  # as ElevenLabs seems to take it; check 1 looks at it alone
    return Script(steps=steps, **options)


PING = Step("ping", flat=True)
SAY_ONE = Step("say", text="Good morning", seconds=1.0)
TOOL = Step("tool", name="lookup", text="t1", body={"n": 1})

SCENARIOS = (
    Scenario(
        "1",
        "audio before the metadata",
        script(opening=(Step("wait", seconds=0.8),), early_audio=False),
        first_frames,
    ),
    Scenario("2", "user id of the configuration", script(), user),
    Scenario(
        "3",
        "formats of the metadata (mu-law)",
        script(SAY_ONE, input_format="ulaw_8000", output_format="ulaw_8000"),
        formats,
    ),
    Scenario(
        "5",
        "no caller audio for 1.5 s (RTP lost)",
        script(),
        keeps_flowing,
        {"mic_pause": (0.6, 2.1), "seconds": 3.5},
    ),
    Scenario(
        "7",
        "pings while 30 s of audio wait and a tool runs",
        script(TOOL, Step("say", seconds=30.0), pings=0.05),
        pongs,
    ),
    Scenario("7", "a ping without ping_ms", script(PING, Step("wait", seconds=0.2), ALIVE), lives_on),
    Scenario("8", "a turn of 60 s at once", script(Step("say", seconds=60.0, chunk=2.4)), minute),
    Scenario("9", "one message of 8 MiB", script(Step("huge", size=8 * 2**20)), big, {"seconds": 4.0}),
    Scenario(
        "10",
        "interruption in mid-sentence",
        script(
            Step("say", text="Long", seconds=9.6, chunk=2.4), Step("wait", seconds=1.0), Step("interrupt")
        ),
        silent_after_interruption,
        {"seconds": 5.0},
    ),
    Scenario(
        "10",
        "late audio of the interrupted turn",
        script(audio(marked(1), 5), Step("interrupt", event_id=5), audio(marked(2), 5), audio(marked(3), 6)),
        is_digest(marked(1), marked(3)),
    ),
    Scenario(
        "11",
        "a lower interruption id afterwards",
        script(
            audio(marked(1), 8),
            Step("interrupt", event_id=8),
            Step("interrupt", event_id=3),
            audio(marked(2), 8),
            audio(marked(3), 9),
        ),
        is_digest(marked(1), marked(3)),
    ),
    Scenario(
        "12",
        "a final marker without audio",
        script(Step("send", body={"type": "audio", "audio_event": {"event_id": 1, "is_final": True}}), ALIVE),
        lives_on,
    ),
    Scenario(
        "12",
        "audio that is not base64",
        script(
            Step("send", body={"type": "audio", "audio_event": {"event_id": 1, "audio_base_64": "a"}}), ALIVE
        ),
        lives_on,
    ),
    Scenario(
        "13", "an unknown message type", script(Step("send", body={"type": "brand_new"}), ALIVE), lives_on
    ),
    Scenario("13", "a frame that is not JSON", script(Step("send", text="{"), ALIVE), lives_on),
    Scenario("13", "an object without a type", script(Step("send", body={"no": "type"}), ALIVE), lives_on),
    Scenario(
        "14",
        "what was heard of an interrupted turn",
        script(SAY_ONE, Step("interrupt", text="Good")),
        corrected,
    ),
    Scenario("15", "a tool that returns text", script(TOOL), one_text("seven", is_error=False)),
    Scenario("15", "a tool that returns an object", script(TOOL), one_text(), {"tool": "object"}),
    Scenario(
        "15",
        "a tool that returns an empty text",
        script(TOOL),
        one_text("", is_error=False),
        {"tool": "empty"},
    ),
    Scenario("15", "a tool that nobody knows", script(Step("tool", name="gone")), one_text(is_error=True)),
    Scenario(
        "15",
        "the same tool call twice",
        script(TOOL, Step("wait", seconds=0.5), Step("tool", name="lookup", text="t1", body={"n": 1})),
        one_text("seven"),
    ),
    Scenario(
        "16",
        "end_call right after 4 s of farewell",
        script(Step("say", text="Goodbye", seconds=4.0, chunk=1.0), Step("end")),
        heard_out,
        {"seconds": 0.0},
    ),
    Scenario(
        "17", "hang-up while the far side does not answer the close", script(answer_close=False), closes
    ),
    Scenario(
        "18",
        "refused: no credits (3000)",
        script(opening=(Step("close", code=3000, reason="[quota_exceeded] You've run out of credits."),)),
        tells("3000", "credits"),
        {"seconds": 0.0},
    ),
    Scenario(
        "19",
        "an error message, then a bare close (1002)",
        script(
            Step("error", body={"code": 1002, "message": "exceeds your quota limit"}),
            Step("close", code=1002),
        ),
        tells("quota"),
        {"seconds": 0.0},
    ),
    Scenario(
        "20",
        "waiting in the queue",
        script(Step("queue", text="waiting"), Step("queue", text="admitted"), ALIVE),
        queue,
    ),
    Scenario(
        "22",
        "signed URL that does not come",
        script(signed=(RestAnswer(delay=60.0),) * 20),
        gives_up,
        {"seconds": 5.0},
    ),
    Scenario(
        "22", "wrong key, quoted by the server", script(signed=(NO_KEY,) * 9), no_secret, {"seconds": 0.0}
    ),
    Scenario(
        "24",
        "five starts that fail: what stays",
        script(signed=(NO_KEY,) * 20),
        no_thread,
        {"starts": 5, "seconds": 0.0},
    ),
    Scenario(
        "26",
        "the maximum duration is reached",
        script(
            Step("say", text="And", seconds=0.3),
            Step("error", body={"code": 1000, "error_type": "max_duration_exceeded"}),
            Step("close", code=1000),
        ),
        tells("max_duration"),
        {"seconds": 0.0},
    ),
    Scenario(
        "1.6",
        "from the answer to the upgrade request, signed URL takes 0.5 s",
        script(signed=(RestAnswer(delay=0.5),) * 3),
        quick,
        {"ring": 1.5},
    ),
)
