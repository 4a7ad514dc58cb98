"""Conformance checks that need a telephone: seen and heard from both far ends of real calls (SIP and RTP on
the embedded phone, REST and WebSocket against the conversation server).

What the caller hears is measured where the agent's side gets it back from Echo; times are positions in that
recording, which runs in real time, so that nothing depends on two clocks.
"""

from __future__ import annotations

import asyncio
import base64
import wave
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from console.core import outcome
from console.core.events import AllowDialing, HangUp, Silence
from console.core.state import Outcome
from console.demo.conversation import sound
from console.demo.conversation.script import Script, Step
from console.ports import PCM
from tests.calls import cast
from tests.console_rig import SLOW, ConsoleRig, running_console

CAST = "tests.calls.cast"
RATE = 16_000
HELLO = Step("say", text="Hello", seconds=0.6, hz=500)


def told(session: dict[str, Any], type_: str) -> list[dict[str, Any]]:
    return [message for message in session["messages"] if message["type"] == type_]


def step(session: dict[str, Any], do: str, number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = [s for s in session["steps"] if s["do"] == do][number]
    return found


def heard_tones(pcm: PCM, tones: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int64], float]:
    """Which of these tones (by number) is heard in each 20 ms, -1: none; and the length of a step in s."""
    window, hop = RATE // 10, RATE // 50
    frames = np.lib.stride_tricks.sliding_window_view(pcm.astype(float), window)[::hop] * np.hanning(window)
    spectrum = np.abs(np.fft.rfft(frames, 4 * window))
    peak = spectrum.argmax(axis=1) * RATE / (4 * window)
    nearest = np.abs(peak[:, None] - tones[None, :]).argmin(axis=1)
    clear = (np.abs(peak - tones[nearest]) < 15) & (np.sqrt(np.mean(frames**2, axis=1)) > 300)
    return np.where(clear, nearest, -1), hop / RATE


def span(pcm: PCM, hz: float) -> tuple[float, float]:
    """Where a tone begins and ends, in seconds."""
    which, hop = heard_tones(pcm, np.array([hz]))
    at = np.flatnonzero(which == 0)
    assert len(at), f"{hz} Hz was never heard"
    middle = 0.05
    return float(at[0]) * hop + middle, float(at[-1]) * hop + middle


async def test_check_4_and_5_the_agent_hears_without_a_gap_through_loss_hold_and_mute(tmp_path: Path) -> None:
    """A phone that sends nothing for 3 s, a hold of 3 s, a silenced AI: silence flows in real time."""
    script = Script(steps=(HELLO, Step("hold")))
    async with running_console(tmp_path, script=script, cast=CAST) as console:
        call = console.dial(cast.NUMBERS["Breaks off"])
        await console.seen("agent.first_audio")
        console.engine.send(Silence(call, True))
        await console.seen("call.hold", call)
        await console.over(call)
        (session,) = await console.sessions()
        audio = session["audio"]
        assert audio["seconds"] > 10.0
        assert audio["rate_ratio"] == pytest.approx(1.0, rel=0.05)
        assert max(audio["gaps"], default=0.0) < cast.HOLD_SECONDS / 3, audio["gaps"]
        assert audio["messages"] == pytest.approx(audio["seconds"] * 50, rel=0.1), "in pieces of some 20 ms"
        pcm = await console.conversation.caller_audio()
        frames = pcm[: len(pcm) - len(pcm) % (RATE // 50)].astype(np.int32).reshape(-1, RATE // 50)
        quiet = np.abs(frames).max(axis=1) <= 8
        assert quiet.sum() / 50 > 0.8 * (cast.LOSS_SECONDS + cast.HOLD_SECONDS), "what was lost is silence"


async def test_check_6_silence_is_silence_on_the_wire(tmp_path: Path) -> None:
    """mu-law both ways; the turn ends in mid-frame and is filled up: 0x00 would be a click of full scale."""
    turn = Step("say", text="A tone", seconds=1.0101, hz=500)
    script = Script(
        input_format="ulaw_8000",
        output_format="ulaw_8000",
        steps=(Step("hear", seconds=0.5), turn, Step("hear", seconds=3.0), Step("end")),
    )
    async with running_console(tmp_path, script=script, SIP_CODECS="pcmu") as console:
        await console.over(console.dial("Echo"))
        (session,) = await console.sessions()
        pcm = np.abs((await console.conversation.caller_audio()).astype(np.int32))
    loud = np.flatnonzero(pcm > 1000)
    assert (loud[-1] - loud[0]) / 8000 == pytest.approx(1.0, abs=0.1), "the tone is heard"
    assert pcm.max() < 12_000, "a click"
    assert loud[0] / 8000 >= step(session, "say")["heard"]
    before, after = pcm[: loud[0] - 400], pcm[loud[-1] + 400 :]
    assert len(after) > 8000
    assert max(before.max(initial=0), after.max(initial=0)) <= 8, "silence is not silent"


async def test_check_8_a_turn_of_sixty_seconds_plays_complete_and_on_time(tmp_path: Path) -> None:
    """Sixty tones of a second each, sent at once; the caller hears every one, in order, at its time."""
    tones = 400.0 + 40.0 * np.arange(60)
    turn = tmp_path / "turn.wav"
    with wave.open(str(turn), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(RATE)
        wav.writeframes(b"".join(sound.tone(hz, 1.0, RATE).astype("<i2").tobytes() for hz in tones))
    steps = (
        Step("say", text="A minute", wav=str(turn), chunk=2.4),
        Step("hear", seconds=63.0),
        Step("end"),
    )
    async with running_console(tmp_path, script=Script(steps=steps)) as console:
        ended = await console.over(console.dial("Echo"), seconds=90)
        assert ended.outcome is Outcome.FINISHED
        (session,) = await console.sessions()
        assert step(session, "hear")["at"] - step(session, "say")["at"] < 2.0 * SLOW, "it came at once"
        which, hop = heard_tones(await console.conversation.caller_audio(), tones)
    sequence = which[which >= 0]
    assert (np.diff(sequence) >= 0).all(), "out of order, or two at once"
    begins = np.array([np.flatnonzero(which == number)[0] * hop for number in range(60)])
    late = begins - begins[0] - np.arange(60)
    assert np.abs(late).max() < 0.4 * SLOW, f"up to {np.abs(late).max():.2f} s off its time"
    lengths = np.array([(which == number).sum() * hop for number in range(60)])
    assert np.median(lengths) == pytest.approx(1.0, abs=0.1)
    assert lengths.sum() > 0.97 * 60 * float(np.median(lengths)), "parts are missing"


async def test_check_10_after_an_interruption_the_wire_is_silent_at_once(tmp_path: Path) -> None:
    """The way from agent to caller and back is measured with the beginning of each turn; the end of the
    interrupted one may take no longer, but for a frame and what the phone had already begun to send."""
    late = base64.b64encode(sound.turn(Step("say", hz=700, seconds=3.0), "pcm_16000")).decode()
    steps = (
        Step("hear", seconds=1.0),
        Step("say", text="A long turn", seconds=20.0, hz=700),
        Step("hear", seconds=3.0),
        Step("interrupt", text="A long"),
        Step("send", body={"type": "audio", "audio_event": {"audio_base_64": late, "event_id": 1}}),
        Step("hear", seconds=2.0),
        Step("say", text="Another", seconds=1.0, hz=1300),
        Step("hear", seconds=3.0),
        Step("end"),
    )
    async with running_console(tmp_path, script=Script(steps=steps)) as console:
        await console.over(console.dial("Echo"))
        (session,) = await console.sessions()
        heard = await console.conversation.caller_audio()
        dropped = int(str(console.of("agent.interrupted")[0].fields["dropped_ms"]))
    first, last = span(heard, 700)
    again, _ = span(heard, 1300)
    way = first - step(session, "say")["heard"]
    stop = last - step(session, "interrupt")["heard"]
    restart = again - step(session, "say", 1)["heard"]
    assert stop - way < 0.15 * SLOW, f"the AI went on for {stop - way:.3f} s"
    assert restart - way < 0.15 * SLOW, f"the next turn began {restart - way:.3f} s late"
    assert dropped == pytest.approx(17_000, abs=1500 * SLOW)


async def test_check_16_everything_that_waits_is_played_before_the_bye(tmp_path: Path) -> None:
    """The server closes with 1000 at once; five seconds of farewell are still to be heard."""
    script = Script(steps=(Step("say", text="Goodbye", seconds=5.0, hz=600), Step("end")))
    async with running_console(tmp_path, script=script) as console:
        ended = await console.over(console.dial("Mr Hm"))
        assert ended.outcome is Outcome.FINISHED
        (session,) = await console.sessions()
        far = await console.far("ended")
        assert far["heard_seconds"] >= 4.7
        assert session["closed"] < far["t"] - 3.0, "the session was not paid for while the rest played"
        assert await console.upgrades() == 1


async def test_check_21_the_first_refusal_stops_dialing_and_the_person_is_to_be_called_back(
    tmp_path: Path,
) -> None:
    """Credits end between the signed URL and the answer: the person has picked up."""
    gone = Step("close", code=3000, reason="[quota_exceeded] You've run out of credits.")
    async with running_console(tmp_path, script=Script(opening=(gone,))) as console:
        ended = await console.over(console.dial("Mr Hm"))
        assert ended.outcome is Outcome.AGENT_REFUSED
        assert [c.id for c in outcome.to_call_back(console.state)] == [ended.id]
        second = console.dial("Echo")
        refused = await console.seen("refused", second)
        assert "credits" in str(refused.fields["why"])
        assert await console.upgrades() == 1, "the breaker opened at the first refusal"
        console.engine.send(AllowDialing())
        await console.seen("dialing.allowed")
        await console.conversation.define("agent_test", Script(steps=(HELLO, Step("end"))))
        assert (await console.over(console.dial("Mr Hm"))).outcome is Outcome.FINISHED
        assert outcome.to_call_back(console.state) == ()


async def test_check_21_and_26_what_ended_it_stands_in_the_record(tmp_path: Path) -> None:
    limit = Step("error", body={"code": 1000, "error_type": "max_duration_exceeded"})
    script = Script(steps=(HELLO, Step("wait", seconds=0.8), limit, Step("close", code=1000)))
    async with running_console(tmp_path, script=script) as console:
        ended = await console.over(console.dial("Mr Hm"))
        assert ended.outcome is Outcome.FINISHED
        assert "max_duration_exceeded" in str(console.of("agent.closed")[0].fields["reason"])
        assert "max_duration_exceeded" in str(console.of("agent.error")[0].fields["text"])
        await console.conversation.define("agent_test", Script(steps=(Step("close", code=1000),)))
        again = await console.over(console.dial("Mr Hm"))
        assert again.outcome is Outcome.AGENT_FAILED_START, "it never said a word"


async def test_check_27_keys_that_the_callee_presses_reach_the_agent_once_each(tmp_path: Path) -> None:
    async with running_console(tmp_path, cast=CAST) as console:
        call = console.dial(cast.NUMBERS["Presser"])
        await console.over(call)
        (session,) = await console.sessions()
        said = [message["text"] for message in told(session, "user_message")]
    assert len(said) == 2, said
    assert "407#" in said[0]
    assert " 12 " in said[1]


async def test_check_27_a_transfer_goes_out_on_the_phone_leg(tmp_path: Path) -> None:
    transfer = Step(
        "tool", name="transfer_call", body={"destination": "8 495 777-00-11"}, text="t", wait=True
    )
    script = Script(steps=(HELLO, transfer, Step("hold")))
    options = {"TRANSFER_TO": "+74957770011, desk@pbx.example"}
    async with running_console(tmp_path, script=script, cast=CAST, **options) as console:
        ended = await console.over(console.dial(cast.NUMBERS["Transferable"]))
        assert ended.outcome is Outcome.FINISHED
        assert "sip:74957770011@" in (await console.far("refer"))["to"]
        (session,) = await console.sessions()
        (result,) = told(session, "client_tool_result")
        assert (result["tool_call_id"], result["is_error"]) == ("t", False)


async def test_check_27_a_transfer_that_fails_is_told_to_the_agent(tmp_path: Path) -> None:
    transfer = Step("tool", name="transfer_call", body={"destination": "+74957770011"}, wait=True)
    script = Script(steps=(HELLO, transfer, Step("hold")))
    async with running_console(tmp_path, script=script, TRANSFER_TO="+74957770011") as console:
        call = console.dial("Echo")
        await console.seen("call.transfer_failed", call)
        await until_told(console, "user_message", "transfer failed")
        assert console.state.find(call) is not None, "the callee is still there"
        console.engine.send(HangUp(call))
        await console.over(call)


async def until_told(console: ConsoleRig, type_: str, words: str) -> None:
    async with asyncio.timeout(10 * SLOW):
        while True:
            (session,) = await console.sessions()
            if any(words in message["text"] for message in told(session, type_)):
                return
