"""Seeded faults with a real Baresip and real PulseAudio servers; and set-ups with them that are in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from console import tcp_table
from console.audio import alsa_config, portaudio
from console.audio.alsa_config import PulsePcm
from console.phone import baresip_program
from console.phone.free_port import free_sip_port, free_tcp_port

SLOW = float(os.environ.get("TEST_TIME_FACTOR", "1"))
NEEDED = ("baresip", "pulseaudio", "pactl", "parec", "pacat")
pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        not all(map(shutil.which, NEEDED)), reason=f"NOT RUN: not all of {', '.join(NEEDED)} are installed"
    ),
]

Joined = Callable[..., AbstractAsyncContextManager[int]]


@pytest.fixture(autouse=True)
def no_sound_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A host without one, whatever runs on this machine."""
    for name in ("PULSE_SERVER", "PULSE_RUNTIME_PATH", "PULSE_CLIENTCONFIG", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("ALSA_CONFIG_PATH", raising=False)


@pytest.fixture
def sinks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[..., None]]:
    """A sound server of the operator's with the null sinks `callee` and `agent` on it, and PortAudio devices
    `from_phone` (the monitor of `callee`) and `to_phone` (into `agent`). Call it with further modules."""
    rate = getattr(request, "param", 16000)
    with tempfile.TemporaryDirectory(prefix="doctor-") as name:
        address = Path(name) / "s"
        process = subprocess.Popen(
            [
                *("pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=false"),
                *("-L", f"module-native-protocol-unix socket={address} auth-anonymous=1"),
                *("-L", f"module-null-sink sink_name=callee rate={rate} channels=1 norewinds=1"),
                *("-L", "module-null-sink sink_name=agent rate=16000 channels=1 norewinds=1"),
            ],
            env={"PATH": os.environ["PATH"], "HOME": name, "XDG_RUNTIME_DIR": name},
            stderr=subprocess.DEVNULL,
        )
        try:
            end = time.monotonic() + 20 * SLOW
            while not address.exists() and time.monotonic() < end:
                time.sleep(0.01)
            monkeypatch.setenv("PULSE_SERVER", f"unix:{address}")
            pcms = (
                PulsePcm("from_phone", "callee.monitor", "from the phone"),
                PulsePcm("to_phone", "agent", "to the phone"),
            )
            config = tmp_path / "asound.conf"
            config.write_text(alsa_config.config_text(pcms, f"unix:{address}"))
            monkeypatch.setenv("ALSA_CONFIG_PATH", str(config))

            def load(*modules: str) -> None:
                for module in modules:
                    subprocess.run(["pactl", "load-module", *module.split()], check=True, timeout=20)
                portaudio.refresh()

            yield load
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture
def joined(tmp_path: Path) -> Joined:
    """A Baresip that somebody else started: `async with joined(key="value", ...) as ctrl_port`."""

    @asynccontextmanager
    async def run(**changes: str) -> AsyncIterator[int]:
        program = await baresip_program.inspect()
        folder = tmp_path / "theirs"
        (folder / "no-tones").mkdir(parents=True)
        port = free_tcp_port("127.0.0.1")
        config = {
            "ctrl_tcp_listen": f"127.0.0.1:{port}",
            "sip_listen": f"127.0.0.1:{free_sip_port('127.0.0.1')}",
            "net_interface": "127.0.0.1",
            "call_max_calls": "1",
            "audio_path": str(folder / "no-tones"),
            "audio_player": "pulse,callee",
            "audio_source": "pulse,agent.monitor",
            "module_path": str(program.module_dir),
            **changes,
        }
        lines = [f"{key}\t{value}" for key, value in config.items() if value]
        lines += ["module g711.so", "module_app account.so", "module_app menu.so", "module_app ctrl_tcp.so"]
        (folder / "config").write_text("\n".join(lines) + "\n")
        (folder / "accounts").write_text("<sip:console@127.0.0.1>;regint=0\n")
        process = await asyncio.create_subprocess_exec(
            program.path,
            *("-f", str(folder)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            end = time.monotonic() + 10 * SLOW
            while not tcp_table.listeners(tcp_table.read() or (), port):
                assert process.returncode is None, "Baresip has ended"
                assert time.monotonic() < end, "Baresip does not listen"
                await asyncio.sleep(0.01)
            yield port
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    return run


def settings_to_join(port: int, **more: str) -> dict[str, str]:
    return {
        "CONSOLE_ENGINE": "baresip",
        "BARESIP_START": "no",
        "BARESIP_CTRL": f"127.0.0.1:{port}",
        "AUDIO_INPUT": "from_phone",
        "AUDIO_OUTPUT": "to_phone",
        **more,
    }


# ---- a Baresip of our own ----


async def test_a_real_baresip_on_its_own_sound_server_is_in_order(bench: Any) -> None:
    bench.settings = {"CONSOLE_ENGINE": "baresip"}
    seen = await bench.look()
    old = (await baresip_program.inspect()).version < (2, 0)
    assert seen.codes == (["phone.old"] if old else [])
    assert seen.unknown == []
    assert any("registered as console@" in fact for fact in seen.facts)
    assert any("devices open at 16000 Hz" in fact for fact in seen.facts)


async def test_a_wrong_password_with_a_real_baresip(bench: Any) -> None:
    bench.settings = {"CONSOLE_ENGINE": "baresip", "SIP_PASS": "not-it"}
    assert (await bench.look("line")).only("line.password")


async def test_a_taken_sip_port_with_a_real_baresip(bench: Any) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        bench.settings = {"CONSOLE_ENGINE": "baresip", "SIP_LISTEN": listen}
        assert listen in (await bench.look("line")).only("line.phone").text


async def test_the_doctor_leaves_nothing_behind(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.settings = {"CONSOLE_ENGINE": "baresip"}
    with tempfile.TemporaryDirectory(prefix="d") as name:
        monkeypatch.setattr(tempfile, "tempdir", name)
        await bench.look("line", "audio")
        assert os.listdir(name) == []
    assert not (bench.data / "baresip").exists()


async def test_no_sound_server_can_be_had(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = bench.folder / "bin"
    programs.mkdir()
    for name in ("baresip", "pactl"):
        (programs / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(programs))
    bench.settings = {"CONSOLE_ENGINE": "baresip"}
    assert "pulseaudio" in (await bench.look("audio")).only("audio.server").remedy


# ---- a Baresip that runs already ----


async def test_a_joined_baresip_is_in_order(bench: Any, sinks: Any, joined: Joined) -> None:
    sinks()
    async with joined() as port:
        bench.settings = settings_to_join(port, SIP_REGISTER="no", SIP_USER="console", SIP_DOMAIN="127.0.0.1")
        seen = await bench.look()
    assert seen.findings == []
    assert seen.unknown == []


async def test_the_devices_are_missing(bench: Any, sinks: Any, joined: Joined) -> None:
    sinks()
    async with joined() as port:
        bench.settings = settings_to_join(port, AUDIO_INPUT="nothing", AUDIO_OUTPUT="nothing either")
        seen = await bench.look("audio")
    assert seen.codes == ["audio.missing", "audio.missing"]
    assert "from_phone" in seen.findings[0].text


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"audio_player": "pulse,agent"}, "AUDIO_INPUT"),
        ({"audio_source": "pulse,callee.monitor"}, "AUDIO_OUTPUT"),
    ],
)
async def test_nobody_at_the_other_end(
    bench: Any, sinks: Any, joined: Joined, changes: dict[str, str], setting: str
) -> None:
    sinks()
    async with joined(**changes) as port:
        bench.settings = settings_to_join(port)
        finding = (await bench.look("audio")).only("audio.other-end")
    assert setting in finding.text
    assert next(iter(changes.values())) in finding.text


@pytest.mark.parametrize("sinks", [8000], indirect=True)
async def test_a_device_of_a_wrong_rate(bench: Any, sinks: Any, joined: Joined) -> None:
    sinks()
    async with joined() as port:
        bench.settings = settings_to_join(port)
        finding = (await bench.look("audio")).only("audio.rate")
    assert "callee carries 8000 Hz" in finding.text


async def test_the_devices_are_looped_back(bench: Any, sinks: Any, joined: Joined) -> None:
    sinks("module-loopback source=agent.monitor sink=callee latency_msec=20")
    async with joined() as port:
        bench.settings = settings_to_join(port)
        assert (await bench.look("audio")).only("audio.loop")


async def test_a_device_that_cannot_be_tried_is_unknown(bench: Any, sinks: Any, joined: Joined) -> None:
    sinks()
    async with joined(audio_player="oss,/dev/dsp") as port:
        bench.settings = settings_to_join(port)
        seen = await bench.look("audio")
    assert seen.findings == []
    assert "audio_player oss" in seen.unknown[0]


async def test_a_joined_baresip_plays_tones(bench: Any, tmp_path: Path, joined: Joined) -> None:
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    (sounds / "ringback.wav").touch()
    async with joined(audio_path=str(sounds)) as port:
        bench.settings = settings_to_join(port)
        finding = (await bench.look("joined")).only("joined.tones")
    assert "ringback" in finding.text
    assert "audio_path" in finding.remedy


async def test_a_joined_baresip_plays_into_itself(bench: Any, joined: Joined) -> None:
    async with joined(audio_player="pulse,agent") as port:
        bench.settings = settings_to_join(port)
        assert "agent" in (await bench.look("joined")).only("joined.loop").text


async def test_a_joined_baresip_has_other_devices_by_name(bench: Any, joined: Joined) -> None:
    devices = {"audio_player": '"coreaudio,BlackHole 2ch"', "audio_source": '"coreaudio,BlackHole 16ch"'}
    async with joined(**devices) as port:
        names = {"AUDIO_INPUT": "BlackHole 2ch", "AUDIO_OUTPUT": "BlackHole 16ch"}
        bench.settings = settings_to_join(port, **names)
        assert (await bench.look("joined")).findings == []
        bench.settings["AUDIO_OUTPUT"] = "BlackHole 64ch"
        assert "AUDIO_OUTPUT=BlackHole 64ch" in (await bench.look("joined")).only("joined.other-end").text


async def test_a_joined_baresip_of_old_takes_several_calls(bench: Any, joined: Joined) -> None:
    if (await baresip_program.inspect()).version.has_call_ids:
        pytest.skip("NOT RUN: only for Baresip 1.0")
    async with joined(call_max_calls="4") as port:
        bench.settings = settings_to_join(port)
        assert "call_max_calls 1" in (await bench.look("joined")).only("joined.calls").remedy


async def test_a_joined_baresip_does_not_register(bench: Any, joined: Joined) -> None:
    async with joined() as port:
        bench.settings = settings_to_join(port, SIP_USER="console", SIP_DOMAIN="127.0.0.1")
        assert "SIP_REGISTER=no" in (await bench.look("line")).only("line.off").remedy


async def test_a_held_baresip_is_not_connected_to(bench: Any, joined: Joined) -> None:
    """A second connection would throw the first one out, which then would read its end."""
    async with joined() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            bench.settings = settings_to_join(port)
            seen = await bench.look("control", "line")
            assert "control.held" in seen.codes
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.3)
        finally:
            writer.close()
            await writer.wait_closed()
