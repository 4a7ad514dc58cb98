"""`call`, `events` and `check dial --place`: the decisions are real, the phone is scripted."""

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from console.commands.one_call import OneCall, Order
from console.commands.output import Output
from console.core import effects as do
from console.core import events as ev
from console.core.state import State
from console.core.step import step
from console.ports import Levels, Publish, Update
from console.settings.loading import load

Reaction = Callable[[Any], Iterable[ev.Event]]

LINE = (ev.LineUp("fake", "1", True), ev.RegistrationChanged(ev.RegState.OK))
FULL = {"SIP_USER": "u", "SIP_PASS": "p", "SIP_DOMAIN": "h", "ELEVENLABS_AGENT_ID": "agent"}


class ScriptedConsole:
    """Implements `ports.Console`: the real core, and a function that says what the outside world does."""

    def __init__(self, react: Reaction, start: Iterable[ev.Event] = LINE) -> None:
        self._state = State(policy=load(FULL, Path("/nowhere"), lambda s: "baresip").policy)
        self._react = react
        self._inbox: asyncio.Queue[ev.Event] = asyncio.Queue()
        self._zero = time.monotonic()
        self.done: list[Any] = []
        for event in start:
            self._inbox.put_nowait(event)

    async def run(self, publish: Publish) -> None:
        self._loop = asyncio.get_running_loop()
        while True:
            event = await self._inbox.get()
            self._state, effects = step(self._state, event, self.now())
            records = tuple(e for e in effects if isinstance(e, do.Record))
            self.done += [e for e in effects if not isinstance(e, do.Record)]
            publish(Update(self._state, records, time.time()))
            if any(isinstance(e, do.Stop) for e in effects):
                return
            for effect in effects:
                for caused in self._react(effect):
                    self._inbox.put_nowait(caused)

    def send(self, event: ev.Event) -> None:
        self._loop.call_soon_threadsafe(self._inbox.put_nowait, event)

    def levels(self, call: ev.CallId) -> Levels:
        return Levels()

    def now(self) -> float:
        return time.monotonic() - self._zero

    def stop(self) -> None:
        self.send(ev.Quit())


def outside(*after_dial: type, code: int | None = None, hangs_up: bool = True) -> Reaction:
    """A phone and an agent that do as they should; after a dial these phone events come."""

    def react(effect: Any) -> Iterable[ev.Event]:
        match effect:
            case do.PhoneDial(call=call):
                yield from (kind(call) for kind in after_dial)
                if code is not None:
                    yield ev.PhoneClosed(call, code, "reason", ev.ClosedBy.REMOTE)
            case do.PhoneHangUp(call=call) if hangs_up:
                yield ev.PhoneClosed(call, None, "", ev.ClosedBy.OPERATOR)
            case do.AgentOpen(call=call, session=n):
                yield ev.AgentUpgraded(call, n)
                yield ev.AgentLive(call, n, "conv", "pcm_16000", "pcm_16000")
                yield ev.AgentTranscript(call, n, ev.Role.AGENT, "Здравствуйте")
                yield ev.AgentFirstAudio(call, n)
                yield ev.PhoneClosed(call, None, "", ev.ClosedBy.REMOTE)
            case do.AgentClose(call=call, session=n):
                yield ev.AgentClosed(call, n, 1000, "", ours=True)

    return react


def run(console: ScriptedConsole, order: Order | None, as_json: bool = True, **more: float) -> int:
    return asyncio.run(OneCall(console, order, as_json, **more).run())


def objects(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


NUMBER = Order("8 912 345-67-89")


def test_a_whole_call(capfd: pytest.CaptureFixture[str]) -> None:
    console = ScriptedConsole(outside(ev.PhoneRinging, ev.PhoneRtp, ev.PhoneEstablished))
    assert run(console, NUMBER) == 0
    out, err = capfd.readouterr()
    said = objects(out)
    kinds = [o["type"] for o in said]
    wanted = ["line.up", "registration", "call.dialing", "call.ringing", "call.answered", "agent.opening"]
    assert [k for k in kinds if k in wanted] == wanted
    assert all(isinstance(o["t"], float) for o in said)
    (dialing,) = (o for o in said if o["type"] == "call.dialing")
    assert (dialing["number"], dialing["uri"]) == ("+79123456789", "sip:79123456789@h")
    assert kinds[-1] == "summary"
    assert {"answered": True, "result": "finished", "exit_code": 0}.items() <= said[-1].items()
    assert {o["call"] for o in said if o["type"].startswith(("call.", "agent.", "summary"))} == {
        dialing["call"]
    }
    assert "Здравствуйте" in out
    assert "ANSWERED" in err
    assert "exit code 0" in err


def test_words_only_without_json(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(ScriptedConsole(outside(code=486)), NUMBER, as_json=False) == 10
    out, err = capfd.readouterr()
    assert "result: busy" in out
    assert "{" not in out
    assert err == ""


@pytest.mark.parametrize(
    ("code", "exit_code"), [(486, 10), (600, 10), (480, 11), (408, 11), (404, 12), (302, 12)]
)
def test_final_answers(code: int, exit_code: int, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(ScriptedConsole(outside(code=code)), NUMBER) == exit_code
    assert objects(capfd.readouterr().out)[-1]["exit_code"] == exit_code


def test_limits_and_variables_reach_the_core() -> None:
    console = ScriptedConsole(outside(code=486))
    order = Order("sip:100@127.0.0.1:5070", True, True, 7.0, 9.0, (("name", "Anna"),))
    run(console, order)
    (call,) = console._state.ended
    assert (call.uri, call.ring_seconds, call.call_seconds) == ("sip:100@127.0.0.1:5070", 7.0, 9.0)
    assert call.variables == (("name", "Anna"),)


def test_without_agent_no_session_is_prepared_or_opened() -> None:
    console = ScriptedConsole(outside(ev.PhoneEstablished, code=200))
    assert run(console, Order(NUMBER.text, wants_agent=False)) == 0
    assert not any(isinstance(e, do.AgentPrepare | do.AgentOpen) for e in console.done)


@pytest.mark.parametrize(
    "start",
    [
        (ev.LineFailed("baresip is not installed."),),
        (LINE[0], ev.RegistrationChanged(ev.RegState.FAILED, 403, "Forbidden")),
        (ev.LineDown("taken", gone=False, taken_over=True),),
    ],
)
def test_no_line(start: tuple[ev.Event, ...], capfd: pytest.CaptureFixture[str]) -> None:
    console = ScriptedConsole(outside(), start)
    assert run(console, NUMBER) == 14
    out, err = capfd.readouterr()
    assert objects(out)[-1]["result"] == "no_line"
    assert err.count(".") >= 1
    assert not any(isinstance(e, do.PhoneDial) for e in console.done)


def test_a_line_that_never_comes_up_is_given_up() -> None:
    console = ScriptedConsole(outside(), (LINE[0], ev.RegistrationChanged(ev.RegState.REGISTERING)))
    assert run(console, NUMBER, line_seconds=0.05) == 14


def test_a_number_that_the_core_refuses(capfd: pytest.CaptureFixture[str]) -> None:
    start = (ev.NeverCallLoaded(frozenset({"+79123456789"})), *LINE)
    assert run(ScriptedConsole(outside(), start), NUMBER) == 2
    assert "never-call" in capfd.readouterr().err


def test_what_a_screen_would_ask_about_is_dialed_at_once() -> None:
    console = ScriptedConsole(outside(code=486))
    assert run(console, Order("+49 30 1234567")) == 10
    assert do.PhoneDial(console._state.ended[0].id, "sip:49301234567@h") in console.done


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_hang_up_in_order(number: signal.Signals, capfd: pytest.CaptureFixture[str]) -> None:
    react = outside(ev.PhoneRinging)

    def react_and_signal(effect: Any) -> Iterable[ev.Event]:
        yield from react(effect)
        if isinstance(effect, do.PhoneDial):
            os.kill(os.getpid(), number)

    console = ScriptedConsole(react_and_signal)
    assert run(console, NUMBER) == 130
    assert sum(isinstance(e, do.PhoneHangUp) for e in console.done) == 1
    last = objects(capfd.readouterr().out)[-1]
    assert (last["type"], last["result"], last["exit_code"]) == ("summary", "stopped", 130)


def test_events_follows_until_it_is_stopped(capfd: pytest.CaptureFixture[str]) -> None:
    seen = threading.Event()

    def react(effect: Any) -> Iterable[ev.Event]:
        if isinstance(effect, do.Record) and effect.type == "registration":
            seen.set()
            os.kill(os.getpid(), signal.SIGINT)
        return ()

    assert run(ScriptedConsole(react), None) == 130
    assert seen.is_set()
    kinds = [o["type"] for o in objects(capfd.readouterr().out)]
    assert kinds[:2] == ["line.up", "registration"]
    assert "summary" not in kinds


def test_events_ends_when_the_line_cannot_work() -> None:
    assert run(ScriptedConsole(outside(), (ev.LineFailed("No baresip."),)), None) == 14


@pytest.mark.parametrize("response", [ev.PhoneRinging, ev.PhoneEarlyMedia, ev.PhoneEstablished])
def test_place_hangs_up_at_the_first_response(response: type) -> None:
    console = ScriptedConsole(outside(response))
    order = Order(NUMBER.text, wants_agent=False, first_response=True)
    assert run(console, order) == 0
    assert sum(isinstance(e, do.PhoneHangUp) for e in console.done) == 1


def test_place_reports_a_refusal() -> None:
    assert (
        run(ScriptedConsole(outside(code=404)), Order(NUMBER.text, wants_agent=False, first_response=True))
        == 12
    )


def test_a_reader_that_goes_away_stops_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr("sys.stdout", pipe)
        console = ScriptedConsole(outside(ev.PhoneRinging))
        assert run(console, NUMBER) == 130
    assert sum(isinstance(e, do.PhoneHangUp) for e in console.done) <= 1


def test_a_slow_reader_never_holds_up_the_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as pipe, os.fdopen(reading) as reader:
        monkeypatch.setattr("sys.stdout", pipe)
        output = Output(as_json=True, on_gone=lambda: None)
        record = do.Record(1.0, "ignored", None, {"source": "x", "why": "y" * 1000})
        output.records([record] * 1000, 0.0)  # far more than a pipe holds, and nobody reads
        for _ in range(1000):
            assert json.loads(reader.readline())["type"] == "ignored"
        output.close()
