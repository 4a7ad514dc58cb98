"""A console between two far ends that can be broken, and the look at what a fault has left."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from console.core.events import CallId, Dial, Register
from console.core.state import Call, Outcome
from console.demo.cast import CAST
from console.demo.child import Child
from console.demo.conversation.process import ConversationProcess
from console.demo.conversation.script import Script, Setup, Step
from console.demo.exchange import PASSWORD_VARIABLE
from console.phone.baresip_process import BaresipProcess, BaresipSetup
from console.phone.ctrl_line import CtrlLine
from console.phone.ctrl_phone import CtrlPhone
from console.phone.free_port import free_tcp_port, is_free
from console.settings.loading import load
from console.wiring import build
from tests.console_rig import AGENT, KEY, PASSWORD, SLOW, ConsoleRig
from tests.faults import cast
from tests.faults.proxy import TcpProxy

NUMBERS = {character.name: character.number for character in (*CAST, *cast.CAST)}
HELLO = Step("say", text="Hello", seconds=1.0, hz=500)
SPEAKS = Script(steps=(HELLO,), private=False)

SESSION_SECONDS = 2.0
"""After the end of a call no session may be open for longer."""

LEG_SECONDS = 5.0
"""After the end of a call the far end may believe in it no longer."""

RTP_SECONDS = 0.5
"""After the end of its leg the far end may receive RTP for no longer."""

QUIET = 0.4
"""So long without a packet, and the far end knows which one was the last."""

_CONVERSATION = "/v1/convai/conversation"


class Server:
    """The AI's side as a process that can die and come back, behind a proxy that stays."""

    def __init__(self, script: Script, host: str) -> None:
        self.host = host
        self.proxy = TcpProxy()
        self.dead_open = 0
        self._script = script
        self._process: ConversationProcess | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.proxy.port}"

    @property
    def steps(self) -> tuple[Step, ...]:
        return self._script.steps

    @property
    def process(self) -> ConversationProcess:
        assert self._process is not None
        return self._process

    @property
    def pid(self) -> int:
        child = self.process._process
        assert child is not None
        return child.pid

    def _signed(self, script: Script) -> Script:
        """Also the WebSocket goes through the proxy."""
        url = f"ws://{self.host}:{self.proxy.port}{_CONVERSATION}?agent_id={AGENT}"
        return replace(script, private=False, signed_url=url)

    async def start(self) -> None:
        setup = Setup(api_key=KEY, agents={AGENT: self._signed(self._script)}, open_timeout=30.0)
        self._process = await ConversationProcess(setup).__aenter__()
        port = urlsplit(self._process.url).port
        assert port is not None
        self.proxy.target = ("127.0.0.1", port)

    async def define(self, script: Script) -> None:
        await self.process.define(AGENT, self._signed(script))

    async def kill(self) -> None:
        child = self.process._process
        assert child is not None
        child.kill()
        await child.wait()

    async def stop(self) -> None:
        if self._process is not None:
            process, self._process = self._process, None
            await process.__aexit__(None, None, None)


@dataclass
class Aftermath:
    """What a call left. Times in Unix seconds; `sessions`: those of this call, as the server saw them.
    `rtp_at`: when the far end received the last packet; None: none ever came, or it was not waited for."""

    call: Call
    ended: float
    sessions: list[dict[str, Any]]
    left: int
    leg: dict[str, Any] | None
    rtp_at: float | None = None

    @property
    def over_at(self) -> float:
        """When the first side knew that the call was over. One that lost its network knows nothing."""
        legs = [self.leg["t"]] if self.leg is not None and self.leg["event"] == "ended" else []
        return float(min([self.ended, *legs]))

    @property
    def session_seconds(self) -> float:
        """How long a session was open after the end of the call."""
        return max([0.0, *(s["closed"] - self.over_at for s in self.sessions if s["closed"])])

    @property
    def leg_seconds(self) -> float:
        return max(0.0, self.leg["t"] - self.over_at) if self.leg is not None else 0.0

    @property
    def rtp_seconds(self) -> float:
        """How long RTP went on after the end of the leg, or of the call where the far end cannot know."""
        if self.rtp_at is None or self.leg is None:
            return 0.0
        over = self.leg["t"] if self.leg["event"] == "ended" else self.ended
        return float(max(0.0, self.rtp_at - over))


@dataclass
class Scene(ConsoleRig):
    """`ctrl`: the proxy before the ctrl_tcp of the Baresip that runs."""

    server: Server = field(kw_only=True)
    exchange: list[str] = field(kw_only=True)
    ctrl: TcpProxy | None = None
    seen_sessions: int = 0

    # ---- calls ----

    def dial(self, who: str, **options: Any) -> CallId:
        call = CallId(f"call{next(self._ids)}")
        self.engine.send(Dial(call, NUMBERS.get(who, who), confirmed=True, **options))
        return call

    async def talking(self, who: str = "Patient", **options: Any) -> CallId:
        """A call in which both sides hear: some of the caller's audio has arrived at the AI."""
        call = self.dial(who, **options)
        await self.seen("agent.first_audio", call)
        async with asyncio.timeout(10 * SLOW):
            while await self.heard() < 0.3:  # noqa: ASYNC110 - the server has to be asked
                await asyncio.sleep(0.05)
        return call

    async def heard(self) -> float:
        """Seconds of caller audio at the newest conversation."""
        conversations = (await self.report())["conversations"]
        audio = conversations[-1]["audio"] if conversations else None
        return float(audio["seconds"]) if audio else 0.0

    def invites(self) -> list[str]:
        """The SIP Call-IDs of the calls that reached the line, oldest first."""
        return [line["call_id"] for line in self.line.lines if line["event"] == "invite"]

    def leg_end(self, call_id: str) -> dict[str, Any] | None:
        ends = ("ended", "vanished")
        return next((n for n in self.line.lines if n["event"] in ends and n["call_id"] == call_id), None)

    # ---- what is left ----

    async def report(self) -> dict[str, Any]:
        return await self.server.process.report()

    async def aftermath(
        self, call: CallId, *, leg: bool = True, rtp: bool = True, seconds: float = 45.0
    ) -> Aftermath:
        """Wait until everything of the (newest) call is over, at most for so long as is promised. `leg`,
        `rtp`: also for what the far end can tell."""
        ended = await self.over(call, seconds)
        ended_at = self.updates[-1].wall_zero + (ended.ended_at or 0.0)
        invites = self.invites()
        far = await self._leg_over(invites[-1], ended_at) if leg and invites else None
        report = await self._sessions_over(ended_at)
        sessions = report["conversations"][self.seen_sessions :]
        self.seen_sessions = len(report["conversations"])
        end = Aftermath(ended, ended_at, sessions, report["open"], far)
        if rtp:
            await self.hear_out(end)
        return end

    async def hear_out(self, end: Aftermath) -> None:
        """Find out when the last packet came, if there was audio on this leg."""
        far = end.leg
        if far is not None and (far["event"] == "vanished" or "packets" in far):
            end.rtp_at = await asyncio.to_thread(last_rtp, self.line, far["call_id"])

    async def _leg_over(self, call_id: str, since: float) -> dict[str, Any] | None:
        left = max(0.5, since + LEG_SECONDS * SLOW - time.time())
        await asyncio.to_thread(self.line.wait_for, lambda: self.leg_end(call_id) is not None, left)
        end = self.leg_end(call_id)
        assert end is not None, f"the far end still believes in the call: {self.line.lines[-6:]}"
        return end

    async def _sessions_over(self, since: float) -> dict[str, Any]:
        while True:
            report = await self.report()
            if report["open"] == 0 or time.time() > since + (SESSION_SECONDS + 3) * SLOW:
                return report
            await asyncio.sleep(0.05)

    async def works_again(self) -> None:
        """The next call: AI and callee hear each other, and it ends in order."""
        end = await self.aftermath(await self._dial_when_free())
        assert end.call.outcome is Outcome.FINISHED, (
            f"{end.call.outcome}; last records:\n{self.story()}\nand on the line: {self.line.lines[-8:]}"
        )
        assert end.call.agent.first_audio_at is not None
        assert end.leg is not None
        assert end.leg["heard_seconds"] > 0.5
        check(end)

    async def _dial_when_free(self) -> CallId:
        """Dial as a person does: a second after the last call, and again while the console refuses."""
        async with asyncio.timeout(30 * SLOW):
            while True:
                await asyncio.sleep(1.0)
                call = self.dial("Brief")
                await self.until(
                    lambda c=call: bool(self.of("refused", c) or self.of("call.dialing", c)), what="an answer"
                )
                if not self.of("refused", call):
                    return call

    def register(self) -> None:
        self.engine.send(Register())

    async def renew_server(self) -> None:
        """A new process on the AI's side, which remembers no conversations."""
        await self.server.stop()
        await self.server.start()
        self.conversation = self.server.process
        self.seen_sessions = 0

    async def restart_exchange(self) -> None:
        """The same exchange on the same port, with no memory."""
        await asyncio.to_thread(self.line.stop)
        self.line = Child("console.demo.exchange", *self.exchange, environment={PASSWORD_VARIABLE: PASSWORD})
        await asyncio.to_thread(self.line.start)


def last_rtp(line: Child, call_id: str) -> float | None:
    """Wait for silence on this leg: when its last packet came. None: none ever came."""

    def told() -> dict[str, Any] | None:
        return next((n for n in line.lines if n["event"] == "rtp_over" and n["call_id"] == call_id), None)

    assert line.wait_for(lambda: told() is not None, (LEG_SECONDS + QUIET) * SLOW), "RTP goes on and on"
    over = told()
    return over["last"] if over else None


def check(end: Aftermath) -> None:
    """The promise, for whatever has happened."""
    assert end.left == 0, "a session outlived its call"
    assert end.session_seconds <= SESSION_SECONDS * SLOW, f"{end.session_seconds:.2f} s"
    assert end.leg_seconds <= LEG_SECONDS * SLOW, f"{end.leg_seconds:.2f} s"
    assert end.rtp_seconds <= RTP_SECONDS * SLOW, f"RTP went on for {end.rtp_seconds:.2f} s"
    answered = end.call.answered_at is not None
    assert answered or not end.sessions, "a session without an answer"


def record_end(record: Callable[[str, object], None], end: Aftermath, at: float) -> None:
    """The figures of the table; `at`: the moment of the fault."""
    record("left", end.left)
    record("session", round(end.session_seconds, 2))
    record("leg", round(end.leg_seconds, 2) if end.leg is not None else "-")
    record("silence", round(max(0.0, end.rtp_at - at), 2) if end.rtp_at is not None else "-")


def children(name: str, parent: int = 0) -> list[int]:
    """The processes of this name that `parent` (this process) started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            pid, rest = stat.read_text().split(" ", 1)
            command, owner = rest.rsplit(")", 1)[0].lstrip("("), int(rest.rsplit(")", 1)[1].split()[1])
            if command == name and owner == (parent or os.getpid()):
                found.append(int(pid))
    return found


def baresip() -> int:
    (pid,) = children("baresip")
    return pid


def sound_server() -> int:
    (pid,) = children("pulseaudio")
    return pid


@contextlib.asynccontextmanager
async def staged(
    folder: Path,
    engine: str,
    *,
    script: Script = SPEAKS,
    ctrl_proxy: bool = False,
    far_timeout: float = 3.0,
    agent_host: str = "127.0.0.1",
    **settings: str,
) -> AsyncIterator[Scene]:
    """A registered console; at the end it is stopped as an operator stops it, and nothing is left."""
    arguments = [
        "--report",
        "--pace",
        "0.3",
        "--cast",
        "tests.faults.cast",
        "--rtp-timeout",
        str(far_timeout),
        "--quiet",
        str(QUIET),
    ]
    line = Child("console.demo.exchange", *arguments, environment={PASSWORD_VARIABLE: PASSWORD})
    ready = await asyncio.to_thread(line.start)
    arguments += ["--port", ready["sip"].rpartition(":")[2]]
    server = Server(script, agent_host)
    await server.proxy.open()
    await server.start()
    environment = {
        "SIP_USER": "console",
        "SIP_PASS": PASSWORD,
        "SIP_DOMAIN": ready["sip"],
        "CONSOLE_ENGINE": engine,
        "ELEVENLABS_BASE_URL": server.url,
        "ELEVENLABS_API_KEY": KEY,
        "ELEVENLABS_AGENT_ID": AGENT,
        "CONSOLE_DATA_DIR": str(folder / "data"),
        "PATH": os.environ["PATH"],
        **settings,
    }
    loaded = load(environment, folder)
    assert not loaded.problems, loaded.problems
    assert not loaded.missing, loaded.missing
    scene = Scene(build(loaded), line, server.process, folder, server=server, exchange=arguments)
    with _ctrl_through_proxy(scene) if ctrl_proxy else contextlib.nullcontext():
        scene.task = asyncio.create_task(scene.engine.run(scene.publish))
        try:
            await scene.ready()
            yield scene
        finally:
            for pid in (*children("baresip"), *children("pulseaudio")):
                os.kill(pid, signal.SIGCONT)
            scene.engine.stop()
            await asyncio.wait_for(scene.task, 15 * SLOW)
            if scene.ctrl is not None:
                await scene.ctrl.close()
            await server.proxy.close()
            await server.stop()
            await asyncio.to_thread(scene.line.stop)
    assert not scene.of("crash"), scene.of("crash")
    assert not children("baresip"), "a Baresip was left"
    assert not children("pulseaudio"), "a sound server was left"
    assert not list((folder / "data" / "baresip").glob("*/")), "a folder with the password was left"


@contextlib.contextmanager
def _ctrl_through_proxy(scene: Scene) -> Any:
    """Each Baresip gets a proxy of its own, which is what the console is told to connect to."""
    plain = CtrlPhone._line_of
    loop = asyncio.get_running_loop()

    def line_of(self: CtrlPhone, setup: BaresipSetup, program: Any, process: BaresipProcess) -> CtrlLine:
        old, proxy = scene.ctrl, TcpProxy(process.ctrl)
        scene.ctrl = proxy
        process.ctrl = ("127.0.0.1", free_tcp_port("127.0.0.1"))
        proxy.port = process.ctrl[1]
        tasks.append(loop.create_task(replace_proxy(old, proxy)))
        return plain(self, setup, program, process)

    async def replace_proxy(old: TcpProxy | None, proxy: TcpProxy) -> None:
        if old is not None:
            await old.close()
        # As with the real port: nobody listens until Baresip does.
        while is_free(*proxy.target):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await proxy.open()

    tasks: list[asyncio.Task[None]] = []
    CtrlPhone._line_of = line_of  # type: ignore[method-assign]
    try:
        yield
    finally:
        CtrlPhone._line_of = plain  # type: ignore[method-assign]
        for task in tasks:
            task.cancel()
