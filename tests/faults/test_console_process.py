"""The console as a process that is killed, stopped or asked to end in mid-call."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from console.demo.child import Child
from console.demo.exchange import PASSWORD_VARIABLE
from tests.console_rig import AGENT, KEY, PASSWORD, SLOW
from tests.faults.scene import (
    LEG_SECONDS,
    NUMBERS,
    QUIET,
    RTP_SECONDS,
    SESSION_SECONDS,
    SPEAKS,
    Server,
    last_rtp,
)
from tests.faults.single import EMBEDDED, EXTERNAL

Recorded = Callable[[str, object], None]


class FarEnds:
    """The exchange and the AI's side, and consoles that are started against them."""

    def __init__(self, folder: Path, engine: str, far_timeout: float) -> None:
        arguments = ("--report", "--pace", "0.3", "--cast", "tests.faults.cast", "--quiet", str(QUIET))
        self.line = Child(
            "console.demo.exchange",
            *(*arguments, "--rtp-timeout", str(far_timeout)),
            environment={PASSWORD_VARIABLE: PASSWORD},
        )
        self.server = Server(SPEAKS, "127.0.0.1")
        self.folder, self.engine = folder, engine
        self.consoles: list[asyncio.subprocess.Process] = []

    async def start(self) -> None:
        await asyncio.to_thread(self.line.start)
        await self.server.proxy.open()
        await self.server.start()

    async def stop(self) -> None:
        for console in self.consoles:
            with contextlib.suppress(ProcessLookupError):
                console.kill()
            await console.wait()
        await self.server.proxy.close()
        await self.server.stop()
        await asyncio.to_thread(self.line.stop)

    async def call(
        self, who: str, *options: str, stderr: int = asyncio.subprocess.DEVNULL
    ) -> asyncio.subprocess.Process:
        """`call-console call ...` in a session of its own."""
        console = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "console", "call", NUMBERS[who], "--json", *options),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=stderr,
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "SIP_USER": "console",
                "SIP_PASS": PASSWORD,
                "SIP_DOMAIN": self.line.lines[0]["sip"],
                "CONSOLE_ENGINE": self.engine,
                "ELEVENLABS_BASE_URL": self.server.url,
                "ELEVENLABS_API_KEY": KEY,
                "ELEVENLABS_AGENT_ID": AGENT,
                "CONSOLE_DATA_DIR": str(self.folder / "data"),
            },
            start_new_session=True,
        )
        self.consoles.append(console)
        return console

    async def talking(self, *options: str) -> asyncio.subprocess.Process:
        """A console whose call the AI hears: some of the caller's audio has arrived there."""
        console = await self.call("Patient", *options)
        async with asyncio.timeout(30 * SLOW):
            while await self.heard() < 0.5:  # noqa: ASYNC110 - the server has to be asked
                await asyncio.sleep(0.05)
        return console

    async def heard(self) -> float:
        conversations = (await self.server.process.report())["conversations"]
        audio = conversations[-1]["audio"] if conversations else None
        return float(audio["seconds"]) if audio else 0.0

    async def ended(self, seconds: float, count: int = 1) -> dict[str, Any]:
        def ends() -> list[dict[str, Any]]:
            return [line for line in self.line.lines if line["event"] == "ended"]

        over = await asyncio.to_thread(self.line.wait_for, lambda: len(ends()) >= count, seconds * SLOW)
        assert over, f"the far end still believes in the call: {self.line.lines[-5:]}"
        return ends()[count - 1]

    async def last_packet(self, end: dict[str, Any]) -> float:
        """When the far end received the last RTP of this leg."""
        last = await asyncio.to_thread(last_rtp, self.line, end["call_id"])
        assert last is not None
        return last

    async def silent(self, seconds: float) -> float:
        """When the last session was closed; none may be open after `seconds`."""
        end = time.monotonic() + seconds * SLOW
        while (report := await self.server.process.report())["open"]:
            assert time.monotonic() < end, "a session outlived its console"
            await asyncio.sleep(0.05)
        return max(float(c["closed"]) for c in report["conversations"])

    async def works_again(self, ends: int) -> None:
        """A fresh console in the same folders places a call, and leaves nothing."""
        console = await self.call("Brief")
        async with asyncio.timeout(30 * SLOW):
            assert await console.wait() == 0
        assert (await self.ended(1, ends))["heard_seconds"] > 0.5
        await self.silent(SESSION_SECONDS)
        assert not list((self.folder / "data" / "baresip").glob("*/")), "a folder with the password was left"


@pytest.fixture
async def far(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[FarEnds]:
    engine, far_timeout = request.param
    far_ends = FarEnds(tmp_path, engine, far_timeout)
    try:
        await far_ends.start()
        yield far_ends
    finally:
        await far_ends.stop()


def on_both(far_timeout: float) -> list[Any]:
    live = pytest.mark.live
    return [
        pytest.param((EMBEDDED, far_timeout), id=EMBEDDED),
        pytest.param((EXTERNAL, far_timeout), id=EXTERNAL, marks=live),
    ]


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            head, rest = stat.read_text().rsplit(")", 1)
            if int(rest.split()[1]) == pid:
                found += family(int(head.split()[0]))
    return found


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def _record(
    record: Recorded, at: float, over: float, closed: float, end: dict[str, Any], last: float
) -> None:
    """`at`: the fault, `over`: the end of the call, `closed`: of the last session, `last`: packet."""
    record("left", 0)
    record("session", round(max(0.0, closed - over), 2))
    record("leg", round(max(0.0, end["t"] - over), 2))
    record("silence", round(max(0.0, last - at), 2))


@pytest.mark.parametrize("far", on_both(3.0), indirect=True)
async def test_killed(far: FarEnds, record_property: Recorded) -> None:
    """-9: what it started dies with it and says BYE; the embedded stack cannot, there RTP stops."""
    embedded = far.engine == EMBEDDED
    record_property("fault", "console killed (-9)")
    record_property("engine", far.engine)
    record_property("stack_killed", embedded)
    console = await far.talking()
    started = family(console.pid)
    console.kill()
    at = time.time()
    closed = await far.silent(SESSION_SECONDS)
    end = await far.ended(LEG_SECONDS)
    last = await far.last_packet(end)
    _record(record_property, at, end["t"] if end["by"] == "phone" else at, closed, end, last)
    assert end["by"] == ("rtp timeout" if embedded else "phone")
    assert last - at <= RTP_SECONDS * SLOW, f"RTP went on for {last - at:.2f} s"
    async with asyncio.timeout(5 * SLOW):
        while any(alive(pid) for pid in started):  # noqa: ASYNC110 - not our children
            await asyncio.sleep(0.05)
    await far.works_again(2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("far", on_both(20.0), indirect=True)
async def test_asked_to_end(far: FarEnds, number: signal.Signals, record_property: Recorded) -> None:
    record_property("fault", f"console ended by {number.name}")
    record_property("engine", far.engine)
    console = await far.talking()
    os.kill(console.pid, number)
    at = time.time()
    end = await far.ended(LEG_SECONDS)
    closed = await far.silent(SESSION_SECONDS)
    async with asyncio.timeout(10 * SLOW):
        assert await console.wait() == 130
    last = await far.last_packet(end)
    _record(record_property, at, end["t"], closed, end, last)
    assert end["by"] == "phone"
    assert last - end["t"] <= RTP_SECONDS * SLOW, f"RTP went on for {last - end['t']:.2f} s"
    await far.works_again(2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("far", on_both(3.0)[:1], indirect=True)
async def test_asked_to_end_while_it_starts(
    far: FarEnds, number: signal.Signals, record_property: Recorded
) -> None:
    """As early as a program of this kind can take a signal: it says so, and nothing was dialed. On a slow
    machine the command is there already, and says so as the result."""
    record_property("fault", f"console ended by {number.name} while it starts")
    record_property("engine", "both")
    console = await far.call("Patient", stderr=asyncio.subprocess.PIPE)
    async with asyncio.timeout(10 * SLOW):
        while not catches(console.pid, number):  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.002)
    os.kill(console.pid, number)
    async with asyncio.timeout(10 * SLOW):
        _, said = await console.communicate()
    for name in ("left", "session", "leg"):
        record_property(name, 0)
    record_property("silence", "-")
    assert console.returncode == 130
    assert said.decode() == f"Stopped by {number.name}.\n" or "result: stopped" in said.decode()
    assert not any(line["event"] == "invite" for line in far.line.lines)


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether this process has a handler of its own for the signal."""
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text()
        caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
        return bool(int(caught, 16) >> (number - 1) & 1)
    return False


STOPPED_SECONDS = float(os.environ.get("STOPPED_SECONDS", "10"))


@pytest.mark.timeout(60 + 3 * STOPPED_SECONDS * SLOW)
@pytest.mark.parametrize("far", on_both(20.0 + STOPPED_SECONDS), indirect=True)
async def test_all_of_it_stopped_and_continued(far: FarEnds, record_property: Recorded) -> None:
    """Some time in which nothing of the console runs; then the call goes on, or ends in order."""
    record_property("fault", f"whole process group stopped for {STOPPED_SECONDS:g} s, continued")
    record_property("engine", far.engine)
    console = await far.talking("--max-seconds", f"{STOPPED_SECONDS + 4:.0f}")
    stopped = family(console.pid)
    at = time.time()
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(STOPPED_SECONDS)
    for pid in reversed(stopped):
        os.kill(pid, signal.SIGCONT)
    end = await far.ended(20)
    closed = await far.silent(SESSION_SECONDS)
    async with asyncio.timeout(10 * SLOW):
        code = await console.wait()
    last = await far.last_packet(end)
    _record(record_property, at, end["t"], closed, end, last)
    assert code in (0, 13, 14, 15), code
    assert last - end["t"] <= RTP_SECONDS * SLOW, f"RTP went on for {last - end['t']:.2f} s"
    assert end["by"] == "phone"
    assert closed <= end["t"] + SESSION_SECONDS * SLOW
    await far.works_again(2)
