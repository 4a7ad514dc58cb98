"""A real call through everything audio: what the agent says goes through the bridge, our virtual devices, a
real Baresip and RTP to a peer that echoes it, and all the way back to the agent."""

import asyncio
import contextlib
import math
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from console.audio.bridge import Bridge
from console.audio.devices import DeviceAudio
from console.audio.pcm import decode, encode, parse_format
from console.core.events import AgentFirstAudio, CallId, Event, PhoneClosed, PhoneEstablished, PlayoutDrained
from console.phone.free_port import free_sip_port
from console.ports import PCM

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]
CALL = CallId("c1")
SCENARIO = Path(__file__).parents[1] / "fixtures" / "sipp" / "answer_echo.xml"


class Session:
    """An agent's ears."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def prepare(self) -> None: ...

    def open(self, context: str) -> None: ...

    def close(self, reason: str) -> None: ...

    def send_audio(self, payload: bytes) -> None:
        self.frames.append(payload)

    def backlog(self) -> int:
        return 0


@pytest.fixture
async def echo(tmp_path: Path) -> AsyncIterator[str]:
    """The URI of a peer that answers and sends every RTP packet back."""
    port = free_sip_port("127.0.0.1")
    process = await asyncio.create_subprocess_exec(
        *("sipp", "-sf", str(SCENARIO), "-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(port)),
        *("-mp", str(free_sip_port("127.0.0.1")), "-rtp_echo", "-m", "1", "-nostdin"),
        cwd=tmp_path,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    yield f"sip:100@127.0.0.1:{port}"
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


@pytest.fixture
async def devices(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[DeviceAudio]:
    for name in ("PULSE_SERVER", "PULSE_RUNTIME_PATH", "PULSE_CLIENTCONFIG", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("ALSA_CONFIG_PATH", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    audio = DeviceAudio()
    await audio.start(lambda event: None)
    yield audio
    await audio.stop()


def power(sound: PCM, rate: int, hertz: float) -> float:
    """dBFS of this one frequency."""
    t = np.arange(len(sound)) / rate
    part = abs(np.mean(sound * np.exp(-2j * np.pi * hertz * t))) * math.sqrt(2)
    return 20 * math.log10(max(part, 1e-3) / 32768)


async def until(condition: Callable[[], bool], what: str, deadline: float = 30.0) -> None:
    end = time.monotonic() + deadline * float(os.environ.get("TEST_TIME_FACTOR", "1"))
    while not condition():
        assert time.monotonic() < end, what
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("name", ["pcm_16000", "ulaw_8000"])
async def test_what_the_agent_says_comes_back(
    name: str, echo: str, devices: DeviceAudio, start_phone: Callable[..., Awaitable[object]]
) -> None:
    fmt, session, events = parse_format(name), Session(), list[Event]()
    phone = await start_phone(audio=devices.baresip_side)
    bridge = Bridge(CALL, None, events.append, time.monotonic, ear=devices)
    running = asyncio.create_task(bridge.run())
    bridge.attach(session, 1)
    bridge.connect(await devices.open(CALL))
    phone.phone.dial(CALL, echo)  # type: ignore[attr-defined]
    await phone.told.expect(PhoneEstablished, call=CALL)  # type: ignore[attr-defined]
    bridge.answered()
    bridge.live(name, name)
    t = np.arange(fmt.rate * 4) / fmt.rate
    said = np.round(9000 * np.sin(2 * np.pi * 620 * t)).astype(np.int16)
    bridge.play(encode(said, fmt))

    def comes_back() -> bool:
        """The agent hears what it said, and nothing else."""
        heard = decode(b"".join(session.frames[-25:]), fmt)
        everything = 20 * math.log10(max(math.sqrt(np.mean(heard.astype(float) ** 2)), 1e-3) / 32768)
        tone = power(heard, fmt.rate, 620)
        return tone > -22 and everything - tone < 0.5

    await until(lambda: len(session.frames) >= 25 and comes_back(), "the agent hears itself")
    assert bridge.levels().callee_speaking
    bridge.finish(1)
    await until(lambda: PlayoutDrained(CALL, 1) in events, "PlayoutDrained")
    assert AgentFirstAudio(CALL, 1) in events
    phone.phone.hang_up(CALL)  # type: ignore[attr-defined]
    await phone.told.expect(PhoneClosed, call=CALL)  # type: ignore[attr-defined]
    bridge.stop()
    await running
