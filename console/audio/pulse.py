"""The sound server on Linux (PulseAudio, or PipeWire with its PulseAudio side) and our two null sinks on it.

A null sink is a pair of wires: what is played into it can be recorded from its monitor. One carries the
callee to us, one the agent to the phone. Where no server runs (a headless host, root) a private PulseAudio is
started for the console's lifetime.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..core.text import clean
from ..core.words import phrase
from ..ports import AudioError

SINK_RATE = 16000
PREFIX = "callconsole_"
_ANSWER_LIMIT = 5.0
_START_LIMIT = 8.0
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Sinks:
    """Names of our null sinks. Baresip plays into `callee` and records the monitor of `agent`. (No name may
    contain "output": Baresip's list of sources leaves those out.)"""

    callee: str
    agent: str


class SoundServer:
    """The server, found or started, with our sinks on it. `folder`: private to this console (0700).

    `address`: of our private server, empty when the user's is used. `environment`: for programs that shall
    reach the same server without starting one by themselves or touching the user's files.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str] = os.environ) -> None:
        self.address = ""
        self.environment: dict[str, str] = {}
        self._folder = folder
        self._environ = environ
        self._process: asyncio.subprocess.Process | None = None
        base = f"{PREFIX}{_identity(os.getpid())}_{next(_numbers)}"
        self.sinks = Sinks(f"{base}_callee", f"{base}_agent")

    async def start(self) -> None:
        """Find or start the server and make the sinks; raises `AudioError`."""
        self.environment = {"PULSE_CLIENTCONFIG": str(self._folder / "client.conf")}
        self._write_client_config(_user_config(self._environ))
        if not _may_run(self._environ) or not await self._answers():
            # libpulse makes a folder and a cookie in the user's home as soon as it looks for its server
            (self._folder / "runtime").mkdir(mode=0o700)
            self.environment["PULSE_RUNTIME_PATH"] = str(self._folder / "runtime")
            self._write_client_config(f"cookie-file = {self._folder / 'cookie'}")
            await self._start_private()
        await self._remove_leftovers()
        await self._make_sinks()

    async def ensure(self) -> None:
        """Server and sinks are there, or are made again (the server may have died since); `AudioError`."""
        if self.address and (self._process is None or self._process.returncode is not None):
            await self._start_private()
        await self._make_sinks()

    async def stop(self) -> None:
        """Remove the sinks, or the whole private server. Never raises."""
        if self._process is not None:
            await self._end_private()
            return
        with contextlib.suppress(AudioError):
            for index, arguments in await self._modules():
                if any(f"sink_name={name}" in arguments.split() for name in self._names()):
                    await self._pactl("unload-module", index)

    def _write_client_config(self, line: str) -> None:
        path = self._folder / "client.conf"
        path.write_text(f"{line}\nautospawn = no\n")

    def _names(self) -> tuple[str, str]:
        return self.sinks.callee, self.sinks.agent

    async def _answers(self) -> bool:
        with contextlib.suppress(AudioError):
            await self._pactl("info")
            return True
        return False

    async def _make_sinks(self) -> None:
        present = {line.split("\t")[1] for line in await self._list("sinks")}
        missing = [name for name in self._names() if name not in present]
        if not missing:
            return
        default = "" if self.address else await self._default_sink()
        for name in missing:
            await self._make_sink(name)
        # a server may take a new sink as its default: the operator's sound must not vanish into ours
        if default and await self._default_sink() != default:
            with contextlib.suppress(AudioError):
                await self._pactl("set-default-sink", default)

    async def _make_sink(self, name: str) -> None:
        label = "agent" if name == self.sinks.agent else "callee"
        arguments = (
            f"sink_name={name}",
            f"rate={SINK_RATE}",
            "channels=1",
            f"sink_properties=device.description=Call-Console-{label}",
        )
        load = ("load-module", "module-null-sink", *arguments)
        try:
            # without it the first 0.5 s can be swallowed by a block that was rendered ahead
            await self._pactl(*load, "norewinds=1")
        except AudioError:
            await self._pactl(*load)

    async def default_is_ours(self) -> bool:
        """The server's default output is one of our sinks: there is no device that anybody could hear."""
        return (await self._default_sink()).startswith(PREFIX)

    async def _default_sink(self) -> str:
        for line in (await self._pactl("info")).splitlines():
            if line.startswith("Default Sink:"):
                return line.partition(":")[2].strip()
        return ""

    async def _remove_leftovers(self) -> None:
        """Sinks of consoles that are gone."""
        for index, arguments in await self._modules():
            name = next((a.partition("=")[2] for a in arguments.split() if a.startswith("sink_name=")), "")
            identity = "_".join(name.removeprefix(PREFIX).split("_")[:2])
            if name.startswith(PREFIX) and not _is_alive(identity):
                with contextlib.suppress(AudioError):
                    await self._pactl("unload-module", index)

    async def _modules(self) -> list[tuple[str, str]]:
        """Index and arguments of every null sink."""
        rows = [line.split("\t") for line in await self._list("modules")]
        return [(row[0], row[2]) for row in rows if len(row) > 2 and row[1] == "module-null-sink"]

    async def _list(self, what: str) -> list[str]:
        return (await self._pactl("list", "short", what)).splitlines()

    async def _pactl(self, *arguments: str) -> str:
        program = shutil.which("pactl")
        if program is None:
            raise AudioError(
                phrase("pactl is missing: install it (Debian: sudo apt install pulseaudio-utils).")
            )
        environment = {**self._environ, **self.environment, "LC_ALL": "C"}
        process = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )
        try:
            async with asyncio.timeout(_ANSWER_LIMIT):
                output, errors = await process.communicate()
        except TimeoutError:
            raise AudioError(phrase("The sound server does not answer; restart it.")) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            why = clean(errors.decode("utf-8", "replace"), 80)
            raise AudioError(
                phrase(
                    "The sound server refuses {command} ({why}); restart it.",
                    command=arguments[0],
                    why=why,
                )
            )
        return output.decode("utf-8", "replace")

    async def _start_private(self) -> None:
        program = shutil.which("pulseaudio")
        if program is None:
            raise AudioError(
                phrase(
                    "No sound server runs here and PulseAudio is not installed: install it (Debian: sudo "
                    "apt install pulseaudio pulseaudio-utils libasound2-plugins)."
                )
            )
        socket = self._folder / "native"
        socket.unlink(missing_ok=True)
        self.address = f"unix:{socket}"
        self.environment["PULSE_SERVER"] = self.address
        # A stream whose device vanishes would be moved to the other one: the agent would hear itself. That is
        # also why neither of them is the default, which is the third.
        (self._folder / "daemon.conf").write_text("rescue-streams = no\n")
        with (self._folder / "pulseaudio.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *_bound_to_parent(),
                program,
                *_private_arguments(socket),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_private_environment(self._folder, self._environ),
                process_group=0,
            )
        (self._folder / "pulseaudio.pid").write_text(str(self._process.pid))
        await self._wait_for(socket)

    async def _wait_for(self, socket: Path) -> None:
        assert self._process is not None
        deadline = asyncio.get_running_loop().time() + _START_LIMIT
        while self._process.returncode is None and asyncio.get_running_loop().time() < deadline:
            try:
                _, writer = await asyncio.open_unix_connection(str(socket))
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return
        await self._end_private()
        raise AudioError(
            phrase("The private PulseAudio does not start; see `pulseaudio -n -v` for the reason.")
        )

    async def _end_private(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(number)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.3):
                        await process.wait()


def _bound_to_parent() -> list[str]:
    """A prefix that makes the server die with us: Linux's parent-death signal, set by util-linux."""
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    return [setpriv, "--pdeathsig", "TERM"] if setpriv else []


def _private_arguments(socket: Path) -> list[str]:
    return [
        "-n",
        "--daemonize=no",
        "--exit-idle-time=-1",
        "--use-pid-file=false",
        "--disable-shm=true",
        "--log-target=stderr",
        "--resample-method=speex-float-5",
        "-L",
        "module-null-sink sink_name=nowhere",
        "-L",
        f"module-native-protocol-unix socket={socket} auth-anonymous=1",
    ]


def _private_environment(folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """No home, no runtime folder and no D-Bus of the user."""
    kept = {name: environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH") if name in environ}
    own = {"HOME": folder, "XDG_RUNTIME_DIR": folder, "PULSE_CONFIG": folder / "daemon.conf"}
    return {**kept, **{name: str(path) for name, path in own.items()}}


def _may_run(environ: Mapping[str, str]) -> bool:
    """There is a reason to ask for the user's server: an address, or a socket where one would listen."""
    if environ.get("PULSE_SERVER") or "default-server" in _user_config(environ, whole=True):
        return True
    home = Path(environ.get("HOME") or "/")
    folders = [Path("/run/pulse"), Path("/var/run/pulse"), *home.glob(".config/pulse/*-runtime")]
    folders += [Path(path) for path in (environ.get("PULSE_RUNTIME_PATH"),) if path]
    folders += [Path(path) / "pulse" for path in (environ.get("XDG_RUNTIME_DIR"),) if path]
    return any((folder / "native").exists() for folder in folders)


def _user_config(environ: Mapping[str, str], whole: bool = False) -> str:
    """A line that includes the user's client configuration (`man pulse-client.conf`), or `whole` its text."""
    home = Path(environ.get("HOME") or "/")
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    given = environ.get("PULSE_CLIENTCONFIG")
    places = [Path(given)] if given else []
    places += [config / "pulse/client.conf", home / ".pulse/client.conf", Path("/etc/pulse/client.conf")]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        return ""
    if not whole:
        return f".include {found}"
    lines = found.read_text(errors="replace").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith((";", "#")))


def _identity(pid: int) -> str:
    """PID and start time: a number that comes again belongs to another process."""
    try:
        started = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        started = "0"
    return f"{pid}_{started}"


def _is_alive(identity: str) -> bool:
    pid = identity.partition("_")[0]
    return pid.isdigit() and identity == _identity(int(pid)) and Path(f"/proc/{pid}").exists()
