"""Looking on while another console has the line: who has it, what it does, and that no key does anything."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from console.commands import look_on
from console.commands.log_words import remembered
from console.core import outcome
from console.core.effects import Record
from console.core.events import CallId, Event
from console.core.journal import word
from console.core.state import AgentPhase, Call, CallPhase, Line, Outcome, Policy, State
from console.language import shown, speaking
from console.line_lock import Holder, LineTaken, holder, line_lock
from console.ports import Update
from console.records import runs
from console.records.calls import CALLS, append_private, call_line
from console.records.logbook import EVENTS, record_json
from console.settings.demo import DATA_FOLDER
from console.settings.loading import Loaded, Settings
from console.ui.onlooker import LOOKS_ONLY, Onlooker
from console.ui.present.looking_on import looking_on
from console.ui.present.status import status
from console.watching import WatchedConsole

WALL = 1_800_000_000.0
C = CallId("c1")

HOLDS = """
import sys
from pathlib import Path
from console.line_lock import line_lock
with line_lock(Path(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2] else None):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held(data_dir: Path, log_dir: Path | None) -> Iterator[int]:
    """Another process holds the line; yields its number."""
    command = [sys.executable, "-c", HOLDS, str(data_dir), str(log_dir or "")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process.pid
        process.communicate()


# ---- the lock ----


def test_who_holds_the_line(tmp_path: Path) -> None:
    assert holder(tmp_path) is None
    with held(tmp_path, tmp_path / "logs") as pid:
        assert holder(tmp_path) == Holder(pid, tmp_path / "logs")
        with (
            pytest.raises(LineTaken, match=rf"process {pid}\) holds this line") as taken,
            line_lock(tmp_path),
        ):
            pass
        assert taken.value.by == Holder(pid, tmp_path / "logs")
    assert holder(tmp_path) is None, "it went with the process"
    with line_lock(tmp_path):
        pass


@pytest.mark.parametrize("content", ["", "nonsense\n\n", "\xff\x00", "12"])
def test_a_lock_that_says_nothing_useful(tmp_path: Path, content: str) -> None:
    with held(tmp_path, None) as pid:
        (tmp_path / "console.lock").write_text(content)
        found = holder(tmp_path)
        assert found is not None
        assert found.log_dir is None
        assert pid > 0
        with pytest.raises(LineTaken, match="holds this line"), line_lock(tmp_path):
            pass


# ---- the second start ----


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    settings = Settings(sip_user="u", sip_domain="h", sip_pass="p", data_dir=tmp_path)
    return Loaded(settings, sources={"sip_user": "the environment"})


@pytest.mark.parametrize(("answer", "opened"), [(True, True), (False, False)])
def test_a_second_start_says_who_and_asks(
    tmp_path: Path,
    loaded: Loaded,
    answer: bool,
    opened: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(look_on, "ask", lambda question: bool(asked.append(question)) or answer)
    monkeypatch.setattr("console.watching.watch", lambda loaded, folder: 0 if folder == tmp_path else 1)
    with held(tmp_path, tmp_path) as pid:
        assert look_on.look_on(loaded, wanted=False) == (0 if opened else outcome.NO_LINE)
    assert f"(process {pid}) holds this line" in capsys.readouterr().err
    assert len(asked) == 1


def test_asked_for_it_asks_nothing(
    tmp_path: Path, loaded: Loaded, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(look_on, "ask", lambda question: pytest.fail(question))
    monkeypatch.setattr("console.watching.watch", lambda loaded, folder: 0)
    with held(tmp_path, tmp_path):
        assert look_on.look_on(loaded, wanted=True) == 0
    assert look_on.look_on(loaded, wanted=True) == outcome.NO_LINE
    assert "nothing to look on" in capsys.readouterr().err
    assert look_on.look_on(loaded, wanted=False) is None, "the line is free: go on"


def test_a_second_start_without_settings_looks_on_at_the_demo_console(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = Loaded(Settings(data_dir=tmp_path, log_dir=tmp_path / "logs"))
    watched: list[tuple[Path, Path, bool]] = []

    def note(loaded: Loaded, log_dir: Path) -> int:
        watched.append((loaded.settings.data_dir, log_dir, loaded.demo))
        return 0

    monkeypatch.setattr("console.watching.watch", note)
    monkeypatch.setattr(look_on, "ask", lambda question: True)
    assert look_on.look_on(bare, wanted=False) is None, "nobody has it: go on"
    assert look_on.look_on(bare, wanted=True) == outcome.NO_LINE
    assert "No demo console runs" in capsys.readouterr().err
    folder = tmp_path / DATA_FOLDER
    folder.mkdir()
    with held(folder, folder / "logs") as pid:
        assert look_on.look_on(bare, wanted=False) == 0
        assert f"A demo console (process {pid}) runs already" in capsys.readouterr().err
        assert look_on.look_on(bare, wanted=True) == 0
    assert watched == [(folder, folder / "logs", True)] * 2


def test_where_nothing_is_written_there_is_nothing_to_see(
    tmp_path: Path, loaded: Loaded, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(look_on, "ask", lambda question: pytest.fail(question))
    with held(tmp_path, None):
        assert look_on.look_on(loaded, wanted=False) == outcome.NO_LINE
    assert "holds this line" in capsys.readouterr().err


# ---- what is seen ----


class Watched:
    """The files of a console, and what somebody sees of them."""

    def __init__(self, folder: Path) -> None:
        self.events = folder / EVENTS
        self.alive = True
        self.seen: list[Update] = []
        self.console = WatchedConsole(folder, folder, Policy(domain="h"), lambda: self.alive)
        self._news = asyncio.Event()

    def write(self, *records: Record) -> None:
        with self.events.open("a") as file:
            file.writelines(f"{record_json(record)}\n" for record in records)

    def publish(self, update: Update) -> None:
        self.seen.append(update)
        self._news.set()

    async def state(self) -> State:
        """The state after the next update."""
        async with asyncio.timeout(20):
            await self._news.wait()
        self._news.clear()
        return self.seen[-1].state


def mark(wall: float = WALL) -> Record:
    return Record(0.0, runs.STARTED, None, {"pid": 7, "wall_zero": wall})


DIALING = Record(1.0, "call.dialing", C, {"number": "+79123456789", "uri": "sip:a@h", "origin": "keys"})
ANSWERED = Record(2.0, "call.answered", C, {"after_seconds": 1.0, "early_media_seconds": 0.0})


async def test_a_run_is_followed_from_its_beginning_live_and_into_the_next(tmp_path: Path) -> None:
    old = Call(
        CallId("c0"), "+79120000000", "", None, CallPhase.CLOSED, 0.0, outcome=Outcome.BUSY, ended_at=1.0
    )
    append_private(tmp_path / CALLS, call_line(old, WALL - 60))
    watched = Watched(tmp_path)
    watched.write(mark(WALL - 9999), Record(5.0, "line.up", None, {"engine": "of an earlier run"}), mark())
    watched.write(Record(0.5, "line.up", None, {"engine": "baresip", "version": "4.9"}), DIALING)
    task = asyncio.create_task(watched.console.run(watched.publish))
    state = await watched.state()
    assert state.line.engine == "baresip"
    assert [c.phase for c in state.calls] == [CallPhase.DIALING]
    assert [c.number for c in state.ended] == ["+79120000000"]
    assert watched.seen[0].wall_zero == WALL
    assert "of an earlier run" not in str(watched.seen[0].records)
    watched.write(ANSWERED)
    state = await watched.state()
    assert state.calls[0].answered_at == 2.0
    assert [r.type for r in watched.seen[-1].records] == ["call.answered"]

    watched.alive = False  # killed in mid-call
    state = await watched.state()
    assert state.calls == ()
    assert (state.ended[0].outcome, state.ended[0].agent.phase) == (Outcome.KILLED, AgentPhase.OFF)
    assert not state.line.up
    assert "has ended" in state.line.reason

    watched.alive = True
    watched.write(mark(WALL + 100), Record(0.5, "line.up", None, {"engine": "embedded", "version": "1"}))
    state = await watched.state()
    assert (state.line.up, state.line.engine) == (True, "embedded")
    watched.console.stop()
    await asyncio.wait_for(task, 20)


async def test_an_event_file_that_is_not_there_yet(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    task = asyncio.create_task(watched.console.run(watched.publish))
    assert (await watched.state()).calls == ()
    watched.write(mark(), DIALING)
    assert len((await watched.state()).calls) == 1
    watched.console.stop()
    await asyncio.wait_for(task, 20)


@pytest.mark.parametrize("renamed", [False, True], ids=["new file", "just after midnight"])
async def test_a_run_that_began_days_ago(tmp_path: Path, renamed: bool) -> None:
    watched = Watched(tmp_path)
    days = ["2026-11-20", "2026-11-21", "2026-11-22"]
    for day, record in zip(days, (mark(), DIALING, Record(1.5, "notice", None, {"text": "x"})), strict=True):
        (tmp_path / f"{EVENTS}.{day}").write_text(record_json(record) + "\n")
    if renamed:
        (tmp_path / f"{EVENTS}.2026-11-23").write_text(record_json(ANSWERED) + "\n")
    else:
        watched.write(ANSWERED)
    task = asyncio.create_task(watched.console.run(watched.publish))
    state = await watched.state()
    assert watched.seen[0].wall_zero == WALL
    assert [c.answered_at for c in state.calls] == [2.0]
    watched.write(Record(3.0, "call.closed", C, {"by": "remote", "seconds": 1.0}))
    assert (await watched.state()).calls == ()
    watched.console.stop()
    await asyncio.wait_for(task, 20)


async def test_without_a_mark_no_call_lasts_less_than_nothing(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.write(replace(DIALING, t=200_000.0), replace(ANSWERED, t=200_001.0))
    task = asyncio.create_task(watched.console.run(watched.publish))
    (call,) = (await watched.state()).calls
    assert 0 <= call.seconds(watched.console.now()) < 60
    watched.console.stop()
    await asyncio.wait_for(task, 20)


@pytest.mark.parametrize("t", ["1" + "0" * 400, "NaN", "1e999", "-1", "true", '"x"'])
async def test_one_odd_line_ends_nothing(tmp_path: Path, t: str) -> None:
    watched = Watched(tmp_path)
    watched.write(mark(), DIALING)
    task = asyncio.create_task(watched.console.run(watched.publish))
    await watched.state()
    with watched.events.open("a") as file:
        file.write(f'{{"t": {t}, "type": "call.answered", "call": "c1"}}\n[[[\n\n{{}}\n')
        file.write(f'{{"t": 1.4, "type": "call.answered", "call": "c1", "early_media_seconds": {t}}}\n')
        file.write(f'{{"t": 1.5, "type": "call.closed", "call": "c1", "seconds": {t}}}\n')
    watched.write(replace(DIALING, call=CallId("c2")))
    async with asyncio.timeout(20):
        while "c2" not in [c.id for c in watched.seen[-1].state.calls]:
            await watched.state()
    for record in watched.seen[-1].records:
        assert word(record).text
    watched.console.stop()
    await asyncio.wait_for(task, 20)


async def test_a_big_file_does_not_hold_up_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched(tmp_path)
    watched.write(mark(), *[Record(1.0, "notice", None, {"text": "x" * 100})] * 20_000, DIALING)
    taken_on: set[int] = set()
    real = runs.records
    monkeypatch.setattr(runs, "records", lambda lines: taken_on.add(threading.get_ident()) or real(lines))
    task = asyncio.create_task(watched.console.run(watched.publish))
    assert len((await watched.state()).calls) == 1
    assert taken_on
    assert threading.get_ident() not in taken_on
    watched.console.stop()
    await asyncio.wait_for(task, 20)


def test_what_the_other_console_says_in_english_is_said_in_russian() -> None:
    told = {
        "reason": "127.0.0.1 cannot be reached: nothing listens there, or a firewall refuses.",
        "why": "oops",
    }
    record = Record(1.0, "agent.trouble", C, told)
    assert remembered(record, "en") is record
    seen = remembered(record, "ru")
    assert dict(seen.fields) == told, "comparisons and JSON see no difference"
    with speaking("ru"):
        assert word(seen).text != shown(word(seen).text)
        assert shown(str(seen.fields["reason"])).startswith("Нет связи с 127.0.0.1: там никто не")
    said = Record(1.0, "agent.transcript", C, {"role": "user", "text": "The console is closing."})
    assert remembered(said, "ru") is said, "what people say is never ours"


# ---- keys ----


def test_every_command_key_is_grey_and_none_does_anything() -> None:
    call = Call(C, "+79123456789", "sip:a@h", None, CallPhase.UP, 0.0, answered_at=1.0)
    state = State(Policy(domain="h"), line=Line(up=True), calls=(call,))
    operator = Onlooker()
    sent: list[Event] = []
    operator._to_engine = sent.append
    operator.entry.put("+79123456789")
    operator.see(state, 5.0, 5.0)
    shown = operator.keys()
    for key in shown:
        if key.key in LOOKS_ONLY:
            continue
        assert (key.enabled, key.loud) == (False, False), key
        operator.press(key.key, 6.0)
        assert "only look on" in operator.word, key
    operator.hang_up(C, 7.0)
    operator.allow_dialing(7.0)
    assert operator.dial_uri("sip:a@b", 7.0) is False
    assert sent == []


def test_the_top_line_says_so() -> None:
    up, down = (
        State(Policy(domain="h"), line=Line(up=True)),
        State(Policy(domain="h"), line=Line(reason="gone")),
    )
    said = [" ".join(span.text for span in looking_on(status(s), s).head) for s in (up, down)]
    assert "ONLY LOOKING ON" in said[0]
    assert "another console has the line" in said[0]
    assert "gone" in said[1]
