"""Our virtual devices on a real PulseAudio: private, where none runs, and a user's, which is another one that
each test starts. What is written is found by `parec`, what `pacat` plays is read."""

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from console.audio import portaudio
from console.audio.bridge import Bridge
from console.audio.devices import DeviceAudio
from console.audio.pcm import level
from console.core.events import (
    AudioDevicesRenewed,
    AudioFailed,
    AudioGlitch,
    AudioStarted,
    CallId,
    Direction,
    EarChanged,
    Event,
)
from console.ports import PCM, AudioError, AudioPath, PhoneError

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        not all(map(shutil.which, ("pulseaudio", "pactl", "parec", "pacat"))),
        reason="NOT RUN: pulseaudio or pulseaudio-utils not installed",
    ),
]

CALL = CallId("c1")
RATE = 16000
TIME_SCALE = float(os.environ.get("TEST_TIME_FACTOR", "1"))


def tone(hertz: float, seconds: float, rate: int = RATE, peak: float = 8000.0) -> PCM:
    t = np.arange(round(rate * seconds)) / rate
    return np.round(peak * np.sin(2 * np.pi * hertz * t)).astype(np.int16)


def share(sound: PCM, hertz: float) -> float:
    """How much of the power of `sound` lies within 20 Hz of `hertz`."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    near = np.abs(np.fft.rfftfreq(len(sound), 1 / RATE) - hertz) < 20
    return float(power[near].sum() / max(power.sum(), 1e-9))


def audible(sound: PCM) -> PCM:
    """From the first to the last loud sample."""
    loud = np.flatnonzero(np.abs(sound.astype(int)) > 200)
    return sound[loud[0] : loud[-1] + 1] if len(loud) else sound[:0]


def holes_ms(sound: PCM) -> float:
    """Total length of the silences of more than 1 ms inside `sound`."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], np.abs(sound.astype(int)) < 25, [0]))))
    lengths = (edges[1::2] - edges[::2]) * 1000.0 / RATE
    return float(lengths[lengths > 1.0].sum())


async def until(condition: Callable[[], bool], what: str, deadline: float = 8.0) -> None:
    end = time.monotonic() + deadline * TIME_SCALE
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"{what}: not within {deadline * TIME_SCALE:g} s")
        await asyncio.sleep(0.005)


class Recording:
    """`parec` on a source: what it has recorded so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.data = bytearray()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while chunk := await self.process.stdout.read(4096):
            self.data += chunk

    @property
    def sound(self) -> PCM:
        return np.frombuffer(bytes(self.data[: len(self.data) & ~1]), np.int16)

    def heard(self, hertz: float, seconds: float = 0.5) -> bool:
        """The newest `seconds` are mostly this tone."""
        newest = self.sound[-round(RATE * seconds) :]
        return len(newest) == round(RATE * seconds) and level(newest) > -40 and share(newest, hertz) > 0.9


@asynccontextmanager
async def recording(source: str, environment: Mapping[str, str]) -> AsyncIterator[Recording]:
    process = await asyncio.create_subprocess_exec(
        *("parec", "--raw", f"--device={source}", f"--rate={RATE}", "--channels=1", "--format=s16le"),
        "--latency-msec=20",
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    record = Recording(process)
    try:
        await until(lambda: bool(record.data), "parec records")
        yield record
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await record._reading


async def play(sink: str, sound: PCM, environment: Mapping[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *("pacat", "--raw", f"--device={sink}", f"--rate={RATE}", "--channels=1", "--format=s16le"),
        stdin=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    try:
        await process.communicate(sound.tobytes())
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


def pactl(environment: Mapping[str, str], *arguments: str) -> str:
    return subprocess.run(
        ["pactl", *arguments],
        env={**os.environ, **environment, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    ).stdout


def sinks(environment: Mapping[str, str]) -> set[str]:
    return {line.split("\t")[1] for line in pactl(environment, "list", "short", "sinks").splitlines()}


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    return False


@pytest.fixture(autouse=True)
def no_sound_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A host without one, whatever runs on this machine."""
    for name in ("PULSE_SERVER", "PULSE_RUNTIME_PATH", "PULSE_CLIENTCONFIG", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("ALSA_CONFIG_PATH", raising=False)


@pytest.fixture
def users_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A sound server of the user's with loudspeakers; yields the environment that reaches it."""
    with tempfile.TemporaryDirectory(prefix="user-") as name:
        socket = Path(name) / "s"
        process = subprocess.Popen(
            [
                *("pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=false"),
                *("-L", f"module-native-protocol-unix socket={socket} auth-anonymous=1"),
                *("-L", f"module-null-sink sink_name=speakers rate={RATE} channels=1 norewinds=1"),
            ],
            env={"PATH": os.environ["PATH"], "HOME": name, "XDG_RUNTIME_DIR": name},
            stderr=subprocess.DEVNULL,
        )
        try:
            end = time.monotonic() + 20 * TIME_SCALE
            while not socket.exists() and time.monotonic() < end:
                time.sleep(0.01)
            environment = {"PULSE_SERVER": f"unix:{socket}"}
            monkeypatch.setenv("PULSE_SERVER", environment["PULSE_SERVER"])
            pactl(environment, "info")
            yield environment
        finally:
            process.terminate()
            process.wait(20)


class Rig:
    """Started devices, and what they told. Baresip's names and environment are those a phone would get."""

    def __init__(self, audio: DeviceAudio, events: list[Event]) -> None:
        self.audio = audio
        self.events = events
        side = audio.baresip_side(frozenset({"pulse"}))
        self.player = side.player.removeprefix("pulse,")
        self.source = side.source.removeprefix("pulse,")
        self.environment = dict(side.environment)

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def server_pid(self) -> int:
        return int((Path(self.environment["PULSE_CLIENTCONFIG"]).parent / "pulseaudio.pid").read_text())

    async def captures(self, path: AudioPath, hertz: float) -> None:
        """Read until the newest half second from the phone is this tone."""
        newest = np.zeros(0, np.int16)

        def arrived() -> bool:
            nonlocal newest
            newest = np.concatenate((newest, path.read()))[-RATE // 2 :]
            return len(newest) == RATE // 2 and level(newest) > -40 and share(newest, hertz) > 0.9

        await until(arrived, f"{hertz} Hz from the phone")


@asynccontextmanager
async def devices(*names: str) -> AsyncIterator[Rig]:
    events: list[Event] = []
    audio = DeviceAudio(*names)
    await audio.start(events.append)
    try:
        yield Rig(audio, events)
    finally:
        await audio.stop()


async def keep_speaking(path: AudioPath, hertz: float) -> None:
    """Writes the tone 80 ms ahead until cancelled."""
    sound, position = tone(hertz, 60), 0
    while True:
        while path.queued() < 0.08:
            path.write(sound[position : position + 320])
            position += 320
        await asyncio.sleep(0.01)


@asynccontextmanager
async def speaking(path: AudioPath, hertz: float) -> AsyncIterator[None]:
    task = asyncio.create_task(keep_speaking(path, hertz))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_both_directions_and_nothing_is_left_after_stop(tmp_path: Path) -> None:
    before = dict(os.environ)
    async with devices() as rig:
        folder = Path(rig.environment["PULSE_CLIENTCONFIG"]).parent
        server = rig.server_pid
        path = await rig.audio.open(CALL)
        assert isinstance(rig.events[0], AudioStarted)
        assert rig.events[0].rate == path.rate == RATE
        async with recording(rig.source, rig.environment) as record, speaking(path, 440):
            await until(lambda: record.heard(440), "our tone at the phone's side")
            playing = asyncio.create_task(play(rig.player, tone(700, 2.5), rig.environment))
            await rig.captures(path, 700)
            await playing
        await rig.audio.close(CALL)
        assert not [t for t in threading.enumerate() if t.name.startswith("audio callconsole")]
        assert alive(server)
    assert not alive(server)
    assert not folder.exists()
    assert dict(os.environ) == before
    assert os.listdir(tmp_path) == []  # nothing in the user's home


async def test_audio_is_played_gapless_and_all_of_it() -> None:
    async with devices() as rig:
        path = await rig.audio.open(CALL)
        bridge = Bridge(CALL, path, rig.events.append, time.monotonic)
        running = asyncio.create_task(bridge.run())
        async with recording(rig.source, rig.environment) as record:
            bridge.live("pcm_16000", "pcm_16000")
            bridge.play(tone(440, 2.0).tobytes())
            await until(lambda: len(audible(record.sound)) >= 1.98 * RATE, "two seconds of tone")
        bridge.stop()
        await running
        sound = audible(record.sound)
        assert len(sound) / RATE == pytest.approx(2.0, abs=0.03 + holes_ms(sound) / 1000)
        assert share(sound, 440) > 0.95
        glitches = sum(event.ms for event in rig.events if isinstance(event, AudioGlitch))
        assert holes_ms(sound) <= glitches + 25  # what is heard is told


async def test_short_stalls_of_the_interpreter_are_not_heard_and_long_ones_are_told() -> None:
    stall = ctypes.PyDLL(None).usleep  # keeps the interpreter lock
    async with devices() as rig:
        path = await rig.audio.open(CALL)
        bridge = Bridge(CALL, path, rig.events.append, time.monotonic)
        running = asyncio.create_task(bridge.run())
        async with recording(rig.source, rig.environment) as record:
            bridge.live("pcm_16000", "pcm_16000")
            bridge.play(tone(440, 8.0).tobytes())
            await until(lambda: record.heard(440), "our tone")
            for _ in range(8):
                stall(40_000)
                await asyncio.sleep(0.15)
            short = holes_ms(audible(record.sound))
            for _ in range(3):
                stall(300_000)
                await asyncio.sleep(0.5)
            total = holes_ms(audible(record.sound))
        bridge.stop()
        await running
    told = [event for event in rig.events if isinstance(event, AudioGlitch)]
    lost_out = sum(event.ms for event in told if event.direction is Direction.OUT)
    assert total - short > 300
    assert short < 0.3 * (total - short)  # 320 ms of stalls against 900 ms
    assert lost_out == pytest.approx(total, rel=0.3)
    assert bridge.levels().underruns >= 3


async def test_a_stall_loses_nothing_of_what_the_callee_says() -> None:
    stall = ctypes.PyDLL(None).usleep
    async with devices() as rig:
        path = await rig.audio.open(CALL)
        playing = asyncio.create_task(play(rig.player, tone(700, 5.0), rig.environment))
        await rig.captures(path, 700)
        heard = [path.read()]
        began = time.monotonic()
        for _ in range(3):
            stall(250_000)
            await asyncio.sleep(0.3)
            heard.append(path.read())
        seconds = time.monotonic() - began
        sound = np.concatenate(heard[1:])
        assert len(sound) / RATE == pytest.approx(seconds, abs=0.15)
        assert holes_ms(sound) < 20
        assert share(sound, 700) > 0.95
        assert path.take_lost() == 0.0  # type: ignore[attr-defined]
        playing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await playing


async def test_an_interruption_is_heard_at_once() -> None:
    async with devices() as rig:
        path = await rig.audio.open(CALL)
        bridge = Bridge(CALL, path, rig.events.append, time.monotonic)
        running = asyncio.create_task(bridge.run())
        async with recording(rig.source, rig.environment) as record:
            bridge.live("pcm_16000", "pcm_16000")
            bridge.play(tone(440, 10.0).tobytes())
            await until(lambda: record.heard(440), "our tone")
            said = time.monotonic()
            dropped = bridge.interrupt()
            so_far = len(record.data) // 2
            await until(
                lambda: len(record.sound) > 4000 and not record.sound[-4000:].any(), "silence after it"
            )
        bridge.stop()
        await running
        assert dropped > 7000
        tail = np.flatnonzero(np.abs(record.sound[so_far:].astype(int)) > 200)
        after = (tail[-1] if len(tail) else 0) / RATE
        assert after < 0.3 + (time.monotonic() - said) * 0.1
    assert not rig.of(AudioGlitch)


async def test_the_ear_plays_both_sides_on_the_users_device(users_server: dict[str, str]) -> None:
    async with devices() as rig:
        assert "PULSE_SERVER" not in rig.environment  # it is the user's own
        path = await rig.audio.open(CALL)
        bridge = Bridge(CALL, path, rig.events.append, time.monotonic, ear=rig.audio)
        running = asyncio.create_task(bridge.run())
        bridge.live("pcm_16000", "pcm_16000")
        bridge.play(tone(440, 20.0).tobytes())
        playing = asyncio.create_task(play(rig.player, tone(1100, 20.0), users_server))
        rig.audio.listen(True)
        await until(lambda: bool(rig.of(EarChanged)), "the ear is on")
        assert rig.of(EarChanged) == [EarChanged(True)]
        async with recording("speakers.monitor", users_server) as record:

            def both() -> bool:
                newest = record.sound[-RATE // 2 :]
                return len(newest) == RATE // 2 and min(share(newest, 440), share(newest, 1100)) > 0.25

            await until(both, "both sides on the loudspeakers")
            rig.audio.listen(False)
            await until(lambda: rig.of(EarChanged)[-1] == EarChanged(False), "the ear is off")
            await until(lambda: not record.sound[-4000:].any(), "quiet loudspeakers")
        assert pactl(users_server, "info").count("Default Sink: speakers") == 1
        playing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await playing
        bridge.stop()
        await running


async def test_without_a_loudspeaker_the_ear_says_so_and_never_plays_into_the_call() -> None:
    async with devices() as rig:
        rig.audio.listen(True)
        await until(lambda: bool(rig.of(EarChanged)), "an answer")
        (answer,) = rig.of(EarChanged)
        assert isinstance(answer, EarChanged)
        assert not answer.on
        assert "EAR_OUTPUT" in answer.reason


async def test_the_ear_names_a_device_that_is_missing(users_server: dict[str, str]) -> None:
    async with devices("", "", "headphones of nobody") as rig:
        rig.audio.listen(True)
        await until(lambda: bool(rig.of(EarChanged)), "an answer")
        (answer,) = rig.of(EarChanged)
        assert isinstance(answer, EarChanged)
        assert not answer.on
        assert answer.reason.startswith("EAR_OUTPUT=headphones of nobody is no output device; there are: ")


async def test_leftovers_of_dead_consoles_go_and_the_users_things_stay(users_server: dict[str, str]) -> None:
    dead = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await dead.wait()
    left = f"callconsole_{dead.pid}_12345_1_agent"
    pactl(users_server, "load-module", "module-null-sink", f"sink_name={left}")
    assert left in sinks(users_server)
    async with devices() as one:
        assert left not in sinks(users_server)
        async with devices() as two:  # another console lives on
            assert {one.player, two.player} <= sinks(users_server)
            assert one.player != two.player
        assert one.player in sinks(users_server)
    assert sinks(users_server) == {"speakers"}


async def test_a_killed_server_fails_the_call_and_the_next_call_works() -> None:
    async with devices() as rig:
        path = await rig.audio.open(CALL)
        bridge = Bridge(CALL, path, rig.events.append, time.monotonic)
        running = asyncio.create_task(bridge.run())
        killed = rig.server_pid
        os.kill(killed, signal.SIGKILL)
        await until(lambda: bool(rig.of(AudioFailed)), "AudioFailed")
        (failed,) = rig.of(AudioFailed)
        assert isinstance(failed, AudioFailed)
        assert "sound server" in failed.reason
        bridge.stop()
        await running
        await rig.audio.close(CALL)
        assert rig.of(AudioDevicesRenewed), "a phone with a lasting connection to it has lost that, too"
        again = await rig.audio.open(CALL)
        assert rig.server_pid != killed
        async with recording(rig.source, rig.environment) as record, speaking(again, 440):
            await until(lambda: record.heard(440), "our tone after the restart")


async def test_the_private_server_dies_with_a_killed_console(tmp_path: Path) -> None:
    script = (
        "import asyncio, os\n"
        "from console.audio.devices import DeviceAudio\n"
        "async def main():\n"
        "    audio = DeviceAudio()\n"
        "    await audio.start(print)\n"
        "    print(os.environ['PULSE_CLIENTCONFIG'], flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    console = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
    )
    assert console.stdout is not None
    async with asyncio.timeout(30 * TIME_SCALE):
        folder = Path((await console.stdout.readline()).decode().strip()).parent
    server = int((folder / "pulseaudio.pid").read_text())
    assert alive(server)
    console.kill()
    await console.wait()
    await until(lambda: not alive(server), "the server is gone")
    assert folder.exists()
    async with devices():
        assert not folder.exists()


async def test_named_devices_are_used_and_a_missing_one_is_named(users_server: dict[str, str]) -> None:
    async with devices() as rig:  # its devices stand for those that an operator has made
        names = {d.name for d in await asyncio.to_thread(portaudio.devices)}
        mine, to_phone = rig.player, rig.source.removesuffix(".monitor")
        assert {mine, to_phone} <= names
        named: list[Event] = []
        audio = DeviceAudio(mine, to_phone)
        await audio.start(named.append)
        path = await audio.open(CALL)
        assert named == [AudioStarted(CALL, mine, to_phone, RATE)]
        async with recording(rig.source, users_server) as record, speaking(path, 440):
            await until(lambda: record.heard(440), "our tone on the named device")
        await audio.stop()
        with pytest.raises(PhoneError, match="BARESIP_START=no"):
            audio.baresip_side(frozenset({"alsa"}))
    with pytest.raises(AudioError, match="Set AUDIO_OUTPUT too"):
        await DeviceAudio("something").start(named.append)
    with pytest.raises(AudioError, match="AUDIO_INPUT=something is no input device"):
        await DeviceAudio("something", "else").start(named.append)


async def test_a_baresip_without_a_pulse_module_gets_alsa_names() -> None:
    async with devices() as rig:
        side = rig.audio.baresip_side(frozenset({"alsa", "aufile"}))
        pcm = side.player.removeprefix("alsa,")
        config = await asyncio.to_thread(Path(side.environment["ALSA_CONFIG_PATH"]).read_text)
        assert f"pcm.{pcm} " in config
        with pytest.raises(PhoneError, match="neither"):
            rig.audio.baresip_side(frozenset({"oss"}))
