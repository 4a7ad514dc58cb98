"""What live tests share: scripted SIP peers (sipp), a running phone, and a record of what it told."""

import asyncio
import contextlib
import os
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from console.core.events import Event, LineUp
from console.demo.g711 import tone
from console.phone.baresip_config import AudioChoice, BaresipAudio, PhoneLimits, SipAccount
from console.phone.baresip_process import BaresipSetup
from console.phone.ctrl_phone import CtrlPhone, JoinSetup
from console.phone.free_port import free_sip_port

SCENARIOS = Path(__file__).parents[1] / "fixtures" / "sipp"
TIME_SCALE = float(os.environ.get("TEST_TIME_FACTOR", "1"))
SECRET = "geheim;wort mit%Leer>zeichen"


def scaled(seconds: float) -> float:
    """A deadline for a machine that may be slow: `TEST_TIME_FACTOR` stretches all of them."""
    return seconds * TIME_SCALE


def need(*programs: str) -> None:
    """Skip, loudly, when a program is missing that this test cannot do without."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        pytest.skip(f"NOT RUN: {', '.join(missing)} not installed (`make test` installs it on Debian)")


async def until(condition: Callable[[], bool], what: str, deadline: float = 5.0) -> None:
    """Look again and again at something outside that cannot be waited for."""
    end = asyncio.get_running_loop().time() + scaled(deadline)
    while not condition():
        if asyncio.get_running_loop().time() > end:
            pytest.fail(f"{what}: not within {scaled(deadline):g} s")
        await asyncio.sleep(0.005)


@dataclass
class Recorder:
    """What a phone (or an engine) emitted; `expect` walks forward through it."""

    events: list[Event] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    _next: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        self.times.append(asyncio.get_running_loop().time())
        self.wall.append(time.time())
        self._changed.set()

    async def expect(self, kind: type, deadline: float = 5.0, **fields: object) -> object:
        """The next event of this kind (with these fields), skipping others."""
        try:
            async with asyncio.timeout(scaled(deadline)):
                while True:
                    while self._next < len(self.events):
                        event = self.events[self._next]
                        self._next += 1
                        if isinstance(event, kind) and all(
                            getattr(event, name) == value for name, value in fields.items()
                        ):
                            return event
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pytest.fail(f"no {kind.__name__} {fields or ''} within {scaled(deadline):g} s; got {self.events}")

    def of(self, *kinds: type) -> list[Event]:
        return [event for event in self.events if isinstance(event, kinds)]

    def wall_time_of(self, event: object) -> float:
        """Unix time at which this very event arrived."""
        return next(t for t, e in zip(self.wall, self.events, strict=True) if e is event)

    def time_of(self, event: object) -> float:
        """Loop time at which this very event arrived."""
        return next(t for t, e in zip(self.times, self.events, strict=True) if e is event)


def sockets_of(port: int) -> set[str]:
    """Kernel numbers of the UDP sockets that are bound to this port."""
    lines = Path("/proc/net/udp").read_text().splitlines()[1:]
    return {line.split()[9] for line in lines if line.split()[1].endswith(f":{port:04X}")}


def holds_udp_port(pid: int, port: int) -> bool:
    """Whether this very process has bound this UDP port; nothing is sent to find out."""
    wanted = {f"socket:[{number}]" for number in sockets_of(port)}
    with contextlib.suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if os.readlink(link) in wanted:
                    return True
    return False


@dataclass
class Peer:
    """A running sipp. `uri`: what to dial."""

    port: int
    process: asyncio.subprocess.Process
    log: Path

    @property
    def uri(self) -> str:
        return f"sip:100@127.0.0.1:{self.port}"

    async def finished(self, deadline: float = 10.0) -> int:
        """Exit status; 0 only if the dialogue went exactly as the scenario says."""
        async with asyncio.timeout(scaled(deadline)):
            return await self.process.wait()

    def messages(self, direction: str = "received") -> list[str]:
        """First lines of the SIP messages that the peer `received` or `sent`."""
        if not self.log.exists():
            return []
        text = self.log.read_text(errors="replace")
        pattern = rf"UDP message {direction} [^\n]*\n\n([^\r\n]+)"
        return re.findall(pattern, text)

    def sent_at(self, start: str) -> float:
        """Wall time (Unix s) at which the peer had sent the first message that starts with `start`."""
        pattern = rf"-+ (\S+)\s(\S+)\nUDP message sent [^\n]*\n\n{re.escape(start)}"
        found = re.search(pattern, self.log.read_text(errors="replace"))
        assert found, f"the peer never sent {start}"
        return datetime.fromisoformat(f"{found[1]} {found[2]}").timestamp()


@pytest.fixture
async def sipp(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Peer]]]:
    """Start a peer: `await sipp("answer_bye")`, or a caller: `await sipp("call_bye", calls=phone_port)`."""
    need("sipp")
    peers: list[Peer] = []

    async def start(
        scenario: str, *, calls: int = 0, port: int = 0, times: int = 1, user: str = "console"
    ) -> Peer:
        for _ in range(5):
            peer = await launch(scenario, calls, port or free_sip_port("127.0.0.1"), times, user)
            await until(
                lambda p=peer: p.process.returncode is not None or holds_udp_port(p.process.pid, p.port),
                f"sipp {scenario} is listening",
                deadline=10,
            )
            # Another test may have taken one of its ports in between.
            if calls or peer.process.returncode is None:
                return peer
        pytest.fail(f"sipp {scenario} does not start")

    async def launch(scenario: str, calls: int, port: int, times: int, user: str) -> Peer:
        folder = tmp_path / f"sipp-{len(peers)}"
        folder.mkdir()
        (folder / "tone.alaw").write_bytes(tone("PCMA", 425.0, 2.0))
        command = ["sipp", "-sf", str(SCENARIOS / f"{scenario}.xml"), "-i", "127.0.0.1", "-mi", "127.0.0.1"]
        command += ["-p", str(port), "-mp", str(free_sip_port("127.0.0.1")), "-m", str(times), "-nostdin"]
        command += ["-trace_msg", "-message_file", "msg.log"]
        if calls:
            command += ["-l", "1", "-r", "1", "-s", user, f"127.0.0.1:{calls}"]
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=os.environ | {"TERM": "dumb"},
        )
        peers.append(Peer(port, process, folder / "msg.log"))
        return peers[-1]

    yield start
    for peer in peers:
        with contextlib.suppress(ProcessLookupError):
            peer.process.kill()
        await peer.process.wait()


def no_sound_server(modules: frozenset[str]) -> BaresipAudio:
    """A tone toward the callee, and the callee's audio to nowhere."""
    return BaresipAudio("aubridge,nowhere", "ausine,440", {}, "ausrc_srate\t48000\nausrc_channels\t2")


@dataclass
class RunningPhone:
    """A phone at work. `output`: what Baresip printed."""

    phone: CtrlPhone
    told: Recorder
    data_dir: Path
    output: list[str]
    task: asyncio.Task[None]

    @property
    def sip_port(self) -> int:
        """Where it listens for SIP now; it takes another port when it starts again."""
        (config,) = (self.data_dir / "baresip").glob("*/config")
        found = re.search(r"^sip_listen\s+\S+:(\d+)$", config.read_text(), re.MULTILINE)
        assert found
        return int(found[1])

    def baresip_pid(self) -> int:
        """The process that listens on our SIP port."""
        pids = [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]
        return next(pid for pid in pids if holds_udp_port(pid, self.sip_port))

    async def stop(self) -> None:
        """Stop as the engine does: cancel, then wait for the clean-up."""
        self.task.cancel()
        await asyncio.wait({self.task})


@pytest.fixture
async def start_phone(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[RunningPhone]]]:
    """`await start_phone()`: a real Baresip on loopback, ready to dial; options go to `SipAccount`."""
    need("baresip")
    if not sys.platform.startswith("linux"):
        pytest.skip("NOT RUN: live tests read /proc")
    running: list[RunningPhone] = []

    async def start(
        *,
        limits: PhoneLimits | None = None,
        wait: bool = True,
        audio: AudioChoice = no_sound_server,
        binary: str = "",
        **account: object,
    ) -> RunningPhone:
        told, output = Recorder(), []
        data_dir = tmp_path / f"phone-{len(running)}"
        given = {"domain": "127.0.0.1:9", "register": False, "listen": "127.0.0.1"} | account
        setup = BaresipSetup(
            account=SipAccount("console", SECRET, **given),
            audio=audio,
            data_dir=data_dir,
            binary=binary,
            limits=limits or PhoneLimits(),
            output=output.append,
        )
        phone = CtrlPhone(setup)
        one = RunningPhone(phone, told, data_dir, output, asyncio.create_task(phone.run(told)))
        running.append(one)
        if wait:
            await told.expect(LineUp, deadline=15)
        return one

    yield start
    for one in running:
        await one.stop()


@pytest.fixture
async def join_phone(tmp_path: Path) -> AsyncIterator[Callable[[int], Awaitable[RunningPhone]]]:
    """`await join_phone(port)`: a phone that joins the Baresip whose ctrl_tcp listens there."""
    running: list[RunningPhone] = []

    async def join(port: int) -> RunningPhone:
        told = Recorder()
        data_dir = tmp_path / f"joined-{len(running)}"
        phone = CtrlPhone(JoinSetup("127.0.0.1", port, data_dir))
        one = RunningPhone(phone, told, data_dir, [], asyncio.create_task(phone.run(told)))
        running.append(one)
        await told.expect(LineUp)
        return one

    yield join
    for one in running:
        await one.stop()
