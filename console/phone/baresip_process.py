"""Baresip as our child process: it is started with a private config, watched, and ended whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..core.system_errors import system_error
from ..core.text import clean
from ..core.words import phrase
from ..ports import PhoneError
from .baresip_config import (
    AudioChoice,
    BaresipAudio,
    ConfigInputs,
    PhoneLimits,
    SipAccount,
    account_line,
    check_account,
    codecs_for,
    config_text,
    is_local,
)
from .baresip_leftovers import new_run_folder, note_child
from .baresip_program import BaresipProgram
from .free_port import free_sip_port, free_tcp_port, is_free

__all__ = ["AudioChoice", "BaresipAudio", "BaresipProcess", "BaresipSetup"]

_OURS_ONLY = ("ELEVENLABS_", "EXOLVE_", "SIP_", "CONSOLE_")
"""Prefixes of environment variables that the child has no business with; some are secrets."""

_TURN = 0.005
"""Seconds for which its output may keep everything else waiting."""

_WATCHED = Path(__file__).with_name("watched_child.py")
"""What becomes Baresip, so that it never outlives us."""


@dataclass(frozen=True, slots=True)
class BaresipSetup:
    """What a supervised Baresip is started with. `ctrl`: a wished `host:port`, empty: a free one."""

    account: SipAccount
    audio: AudioChoice
    data_dir: Path
    binary: str = ""
    ctrl: str = ""
    limits: PhoneLimits = field(default_factory=PhoneLimits)
    output: Callable[[str], None] = lambda line: None


class BaresipProcess:
    """A running Baresip. `ctrl` is its control address, `exited` is set at its end."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path, ctrl: tuple[str, int]) -> None:
        self.ctrl = ctrl
        self.exited = asyncio.Event()
        self._process = process
        self._folder = folder
        self._reading: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        return self._process.pid

    def how_it_ended(self) -> str:
        """A few words, once `exited` is set."""
        status = self._process.returncode
        if status is not None and status < 0:
            with contextlib.suppress(ValueError):
                return phrase("Baresip was ended by {name}", name=signal.Signals(-status).name)
        return phrase("Baresip ended with status {status}", status=status)

    @classmethod
    async def start(
        cls, setup: BaresipSetup, program: BaresipProgram, on_line: Callable[[str], None]
    ) -> BaresipProcess:
        """Write the config and start the program; raises `PhoneError`. `on_line` gets its output, cleaned."""
        check_account(setup.account, program.version)
        ctrl = _ctrl_address(setup.ctrl)
        folder = new_run_folder(setup.data_dir)
        try:
            environment = _write_config(setup, program, folder, ctrl)
            process = await _spawn(program.path, folder, environment)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        note_child(folder, process.pid)
        self = cls(process, folder, ctrl)
        self._reading = asyncio.create_task(self._read_output(setup.account.password, on_line))
        return self

    async def stop(self, quit_first: Callable[[], object] | None = None) -> None:
        """End it: `quit_first` (its own `quit` command) 1 s, SIGTERM 1 s, SIGKILL. Leaves no file behind."""
        try:
            if quit_first is not None and not self.exited.is_set():
                quit_first()
                await self._gone_within(1.0)
            for number in (signal.SIGTERM, signal.SIGKILL):
                if not self.exited.is_set():
                    self._signal(number)
                    self._signal(signal.SIGCONT)  # only then does a stopped one take SIGTERM, and send BYE
                    await self._gone_within(1.0)
        finally:
            self._signal(signal.SIGKILL)
            if self._reading is not None:
                self._reading.cancel()
                await asyncio.wait({self._reading})
            shutil.rmtree(self._folder, ignore_errors=True)

    async def _gone_within(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.exited.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    async def _read_output(self, secret: str, on_line: Callable[[str], None]) -> None:
        assert self._process.stdout is not None
        loop, turn = asyncio.get_running_loop(), 0.0
        try:
            while chunk := await _line(self._process.stdout):
                text = chunk.decode("utf-8", "replace")
                if line := clean(text.replace(secret, "***") if secret else text, 500):
                    on_line(line)
                if loop.time() - turn > _TURN:  # reading a flood never waits: calls go on in between
                    await asyncio.sleep(0)
                    turn = loop.time()
            await self._process.wait()
        finally:
            self.exited.set()


async def _line(stream: asyncio.StreamReader) -> bytes:
    """The next line, or the start of one that is too long to be one; empty at the end."""
    try:
        return await stream.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        return error.partial
    except asyncio.LimitOverrunError as error:
        return await stream.read(error.consumed or 1)


def _ctrl_address(wish: str) -> tuple[str, int]:
    if not wish:
        return "127.0.0.1", free_tcp_port("127.0.0.1")
    host, _, port = wish.rpartition(":")
    # From 2.0 on two Baresips can listen on one port, and connections go to either at random.
    if not port.isdigit() or not is_free(host.strip("[]"), int(port)):
        raise PhoneError(
            phrase("BARESIP_CTRL {wish} cannot be used: it is no free host:port; leave it unset.", wish=wish)
        )
    return host.strip("[]"), int(port)


def _listen_address(account: SipAccount) -> str:
    host, _, port = account.listen.rpartition(":")
    if port.isdigit():
        if not is_free(host.strip("[]"), int(port), socket.SOCK_DGRAM):
            raise PhoneError(
                phrase(
                    "SIP_LISTEN {listen} cannot be used: it is taken, or not an address here.",
                    listen=account.listen,
                )
            )
        return account.listen
    host = account.listen or ("127.0.0.1" if is_local(account) else "0.0.0.0")
    return f"{host}:{free_sip_port(host.strip('[]'))}"


def _write_config(
    setup: BaresipSetup, program: BaresipProgram, folder: Path, ctrl: tuple[str, int]
) -> Mapping[str, str]:
    """Write config and accounts; returns the environment for the child."""
    audio = setup.audio(program.modules)
    no_tones = folder / "no-tones"
    no_tones.mkdir(mode=0o700)
    host = f"[{ctrl[0]}]" if ":" in ctrl[0] else ctrl[0]
    inputs = ConfigInputs(
        program,
        setup.account,
        audio,
        setup.limits,
        ctrl=f"{host}:{ctrl[1]}",
        listen=_listen_address(setup.account),
        no_tones=no_tones,
    )
    _write_private(folder / "config", config_text(inputs))
    _write_private(
        folder / "accounts", account_line(setup.account, codecs_for(setup.account, program)) + "\n"
    )
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(_OURS_ONLY)}
    return inherited | dict(audio.environment)


def _write_private(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


async def _spawn(program: Path, folder: Path, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_WATCHED)),
            *(str(program), "-f", str(folder)),
            stdin=asyncio.subprocess.PIPE,  # for the watcher: ours to hold, never to write to
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment,
            cwd=folder,  # Baresip switches core dumps on: one would hold the password
            process_group=0,
        )
    except OSError as error:
        raise PhoneError(
            phrase("Baresip could not be started: {error}.", error=system_error(error))
        ) from error
