"""Programs that stand in for Baresip: leftovers are ended, output is cleaned, stopping always ends."""

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from console.phone.baresip_config import BaresipAudio, SipAccount
from console.phone.baresip_leftovers import clear_leftovers, new_run_folder, note_child
from console.phone.baresip_process import BaresipProcess, BaresipSetup
from console.phone.baresip_program import BaresipProgram, inspect, locate
from console.phone.baresip_version import Version
from console.phone.free_port import free_sip_port, free_tcp_port, is_free
from console.ports import PhoneError

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="NOT RUN: reads /proc"),
]
MODULES = frozenset({"account", "menu", "ctrl_tcp", "g711", "alsa"})
SECRET = "geheim"


def write_program(path: Path, body: str) -> Path:
    path.write_text(f"#!{sys.executable}\nimport os, signal, sys, time\n{body}\n")
    path.chmod(0o755)
    return path


def lives(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


async def gone(pid: int, deadline: float = 5.0) -> None:
    """Wait for the end of a process that is not our child."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_reader(handle, ended.set)
    try:
        async with asyncio.timeout(deadline):
            await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


async def start(tmp_path: Path, body: str, **more: object) -> tuple[BaresipProcess, list[str], asyncio.Event]:
    lines: list[str] = []
    heard = asyncio.Event()

    def hear(line: str) -> None:
        lines.append(line)
        heard.set()

    program = BaresipProgram(write_program(tmp_path / "stand-in", body), Version(4, 9), tmp_path, MODULES)
    setup = BaresipSetup(
        SipAccount("console", SECRET, "127.0.0.1:5099", listen="127.0.0.1"),
        lambda modules: BaresipAudio("alsa,a", "alsa,b", {"PULSE_SERVER": "unix:/x"}),
        tmp_path / "data",
        **more,  # type: ignore[arg-type]
    )
    return await BaresipProcess.start(setup, program, hear), lines, heard


SAY_AND_WAIT = "print({}, flush=True)\nwhile True: time.sleep(0.05)"


async def test_its_output_is_cleaned_and_scrubbed(tmp_path: Path) -> None:
    body = SAY_AND_WAIT.format(r"'\x1b[31mreg: geheim\x07 failed\x1b[;m'")
    process, lines, heard = await start(tmp_path, body)
    async with asyncio.timeout(5):
        await heard.wait()
    await process.stop()
    assert lines == ["reg: *** failed"]


async def test_its_environment_has_our_audio_and_none_of_our_secrets(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", "k")
    monkeypatch.setenv("EXOLVE_SIP_PASS", "p")
    body = SAY_AND_WAIT.format("sorted(k for k in os.environ if k[:5] in ('ELEVE', 'EXOLV', 'PULSE'))")
    process, lines, heard = await start(tmp_path, body)
    async with asyncio.timeout(5):
        await heard.wait()
    await process.stop()
    assert lines == ["['PULSE_SERVER']"]


async def test_one_that_ignores_every_request_is_killed_within_three_seconds(tmp_path: Path) -> None:
    body = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SAY_AND_WAIT.format("'ready'")
    process, _, heard = await start(tmp_path, body)
    async with asyncio.timeout(5):
        await heard.wait()
    asked: list[bool] = []
    began = asyncio.get_running_loop().time()
    await process.stop(lambda: asked.append(True))
    assert asyncio.get_running_loop().time() - began < 3.5
    assert asked
    assert not lives(process.pid)
    assert list((tmp_path / "data" / "baresip").iterdir()) == []


async def test_one_that_quits_when_asked_gets_no_signal(tmp_path: Path) -> None:
    body = (
        "signal.signal(signal.SIGTERM, lambda *a: print('signal', flush=True))\n"
        "signal.signal(signal.SIGUSR1, lambda *a: sys.exit(0))\n" + SAY_AND_WAIT.format("'ready'")
    )
    process, lines, heard = await start(tmp_path, body)
    async with asyncio.timeout(5):
        await heard.wait()
    await process.stop(lambda: os.kill(process.pid, signal.SIGUSR1))
    assert lines == ["ready"]


async def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    process, lines, heard = await start(tmp_path, "print('x' * 300_000)\nsys.exit(1)")
    async with asyncio.timeout(5):
        await heard.wait()
        await process.exited.wait()
    await process.stop()
    assert all(len(line) <= 500 for line in lines)


async def test_a_flood_of_lines_holds_nothing_else_up(tmp_path: Path) -> None:
    """Counted, not timed: how many lines are read before anybody else has a turn. A pipe holds 64 kB."""
    process, lines, _ = await start(tmp_path, "while True: os.write(1, b'x\\n' * 4000)")
    most = 0
    async with asyncio.timeout(20):
        while len(lines) <= 200_000:
            before = len(lines)
            await asyncio.sleep(0)
            most = max(most, len(lines) - before)
    await process.stop()
    assert most < 10_000


async def test_files_with_the_password_are_ours_alone(tmp_path: Path) -> None:
    process, _, _ = await start(tmp_path, "time.sleep(30)")
    (folder,) = (tmp_path / "data" / "baresip").iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert SECRET in (folder / "accounts").read_text()
    assert {stat.S_IMODE(f.stat().st_mode) for f in folder.iterdir() if f.is_file()} == {0o600}
    await process.stop()


async def test_a_wished_control_port_that_is_taken_is_named(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(PhoneError, match=str(port)):
        await start(tmp_path, "", ctrl=f"127.0.0.1:{port}")
    server.close()
    await server.wait_closed()


async def test_a_program_that_cannot_be_started_is_named(tmp_path: Path) -> None:
    with pytest.raises(PhoneError, match="BARESIP_BIN"):
        locate(str(tmp_path / "nothing"))
    odd = write_program(tmp_path / "odd", "print('odd program 9')")
    with pytest.raises(PhoneError, match="odd"):
        await inspect(str(odd))
    bare = write_program(tmp_path / "bare", "print('baresip v4.9.0 Copyright')")
    with pytest.raises(PhoneError, match="modules"):
        await inspect(str(bare))


async def test_modules_beside_the_program_are_found(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    folder = tmp_path / "lib" / "baresip" / "modules"
    folder.mkdir(parents=True)
    program = write_program(tmp_path / "bin" / "baresip", "print('baresip v4.9.0 Copyright')")
    for name in ("account", "ctrl_tcp", "g711", "pulse"):
        (folder / f"{name}.so").touch()
    with pytest.raises(PhoneError, match="menu"):
        await inspect(str(program))
    (folder / "menu.so").touch()
    found = await inspect(str(program))
    assert (found.version, "pulse" in found.modules) == ((4, 9, 0), True)


# ---- what a dead console left ----


def leave(data_dir: Path, body: str = "") -> tuple[subprocess.Popen[bytes], Path]:
    """A process whose command line names its run folder, as Baresip's does."""
    folder = new_run_folder(data_dir)
    code = f"import signal, time\n{body}\nprint('ready', flush=True)\ntime.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code, "-f", str(folder)], stdout=subprocess.PIPE)
    note_child(folder, child.pid)
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline() == b"ready\n"
    return child, folder


def orphan(folder: Path) -> None:
    """As if the console that made it were gone."""
    note = json.loads((folder / "process.json").read_text())
    (folder / "process.json").write_text(json.dumps(note | {"console": 2**22 + 1}))


def test_a_baresip_that_was_left_is_ended_and_its_files_removed(tmp_path: Path) -> None:
    child, folder = leave(tmp_path)
    orphan(folder)
    assert clear_leftovers(tmp_path) == [child.pid]
    assert child.wait(timeout=5) == -signal.SIGTERM
    assert not folder.exists()


def test_one_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    child, folder = leave(tmp_path, "signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    orphan(folder)
    clear_leftovers(tmp_path, patience=0.2)
    assert child.wait(timeout=5) == -signal.SIGKILL


def test_the_baresip_of_a_console_that_lives_is_left_alone(tmp_path: Path) -> None:
    child, folder = leave(tmp_path)
    assert clear_leftovers(tmp_path) == []
    assert folder.exists()
    assert child.poll() is None
    child.kill()
    child.wait()


def test_another_process_with_the_same_number_is_left_alone(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    folder = new_run_folder(tmp_path)
    note_child(folder, other.pid)
    orphan(folder)
    assert clear_leftovers(tmp_path) == []
    assert other.poll() is None
    assert not folder.exists()
    other.kill()
    other.wait()


def test_damaged_notes_are_cleared(tmp_path: Path) -> None:
    for text in ("", "{", "[]", '{"console": "x", "baresip": null}', '{"console": 0, "baresip": -1}'):
        folder = new_run_folder(tmp_path)
        (folder / "process.json").write_text(text)
    assert clear_leftovers(tmp_path) == []
    assert list((tmp_path / "baresip").iterdir()) == []


CONSOLE_THAT_DIES = """
import asyncio, sys, threading
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.engine.test_baresip_process import start
for _ in range(20):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
async def main():
    process, lines, heard = await start(Path({folder!r}), {body!r})
    await heard.wait()
    print(process.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""

# Python's own handler runs later, and once for several; this writes down each signal when it comes.
NOTES_ITS_SIGNALS = """
signals = os.open({file!r}, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK)
signal.signal(signal.SIGTERM, lambda *_: {then})
signal.set_wakeup_fd(signals)
print('up', flush=True)
for _ in range(1200): time.sleep(0.05)
"""


async def killed_console(folder: Path, body: str) -> int:
    """The process number of what a console had started that was then killed."""
    code = CONSOLE_THAT_DIES.format(root=str(Path(__file__).parents[2]), folder=str(folder), body=body)
    console = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert console.stdout is not None
    async with asyncio.timeout(20):
        child = int(await console.stdout.readline())
    assert lives(child)
    console.kill()
    await console.wait()
    return child


async def test_the_child_of_a_killed_console_is_told_once_to_end(tmp_path: Path) -> None:
    """A second SIGTERM kills a Baresip that is taking the first: it would send no BYE."""
    body = NOTES_ITS_SIGNALS.format(file=str(tmp_path / "signals"), then="(time.sleep(0.3), sys.exit())")
    await gone(await killed_console(tmp_path, body))
    assert (tmp_path / "signals").read_bytes() == bytes([signal.SIGTERM])


async def test_a_child_of_a_killed_console_that_does_not_end_is_killed(tmp_path: Path) -> None:
    body = NOTES_ITS_SIGNALS.format(file=str(tmp_path / "signals"), then="None")
    await gone(await killed_console(tmp_path, body), deadline=10.0)
    assert (tmp_path / "signals").read_bytes() == bytes([signal.SIGTERM])


def group(number: int) -> list[int]:
    """The processes of a process group."""
    stats = ((int(path.parent.name), path) for path in Path("/proc").glob("[0-9]*/stat"))
    return [
        pid
        for pid, path in stats
        if lives(pid) and int(path.read_text().rpartition(")")[2].split()[2]) == number
    ]


async def test_what_watches_the_child_goes_with_it(tmp_path: Path) -> None:
    process, _, heard = await start(tmp_path, "print('up', flush=True)\nsys.stdin.read()\ntime.sleep(0.5)")
    async with asyncio.timeout(5):
        await heard.wait()
        watcher = set(group(process.pid)) - {process.pid}
        assert len(watcher) == 1
        await process.exited.wait()
    for pid in watcher:
        await gone(pid)
    await process.stop()


# ---- ports ----


def test_free_ports_are_free() -> None:
    port = free_sip_port("127.0.0.1")
    assert is_free("127.0.0.1", port)
    assert is_free("127.0.0.1", free_tcp_port("127.0.0.1"))
    assert free_tcp_port("127.0.0.1") > 1023


def test_a_listener_takes_a_port_and_a_connection_that_just_ended_does_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free("127.0.0.1", port)
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = server.accept()
            accepted.close()  # the side that closes first keeps the port busy for a minute
            assert client.recv(1) == b""
    assert is_free("127.0.0.1", port)
