"""The bridge between a phone and a session in memory, on a virtual clock, and twice on a real one."""

import asyncio
import math
import time
from collections.abc import Callable

import numpy as np
import pytest

from console.audio.bridge import Bridge
from console.audio.pcm import FORMATS, decode, encode, parse_format
from console.core.events import (
    AgentFirstAudio,
    AudioFailed,
    AudioGlitch,
    CallId,
    Direction,
    Event,
    PlayoutDrained,
)
from console.ports import PCM, AudioError

CALL = CallId("c1")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Phone:
    """An audio path in memory that plays what it is given in real time of `clock`, gaps included."""

    def __init__(self, clock: Callable[[], float], rate: int = 8000) -> None:
        self.rate = rate
        self.period = 0.02
        self.played: list[PCM] = []
        self.flushed = 0.0
        self.dead = False
        self.lost = 0.0
        self._clock = clock
        self._ends = 0.0
        self._heard: list[PCM] = []

    def says(self, pcm: PCM) -> None:
        self._heard.append(pcm)

    def read(self) -> PCM:
        if self.dead:
            raise AudioError("the sound server is gone; start it again")
        heard, self._heard = self._heard, []
        return np.concatenate([np.zeros(0, np.int16), *heard])

    def write(self, pcm: PCM) -> None:
        gap = self._clock() - self._ends
        if self.played and gap > 1e-9:
            self.played.append(np.zeros(round(gap * self.rate), np.int16))
        self._ends = max(self._ends, self._clock()) + len(pcm) / self.rate
        self.played.append(pcm)

    def queued(self) -> float:
        left = self._ends - self._clock()
        return left if left > 1e-9 else 0.0

    def flush(self) -> float:
        dropped, self._ends = self.queued(), self._clock()
        self.flushed += dropped
        return dropped

    def take_lost(self) -> float:
        lost, self.lost = self.lost, 0.0
        return lost

    @property
    def sound(self) -> PCM:
        return np.concatenate([np.zeros(0, np.int16), *self.played])


class Session:
    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def prepare(self) -> None: ...

    def open(self, context: str) -> None: ...

    def close(self, reason: str) -> None: ...

    def send_audio(self, payload: bytes) -> None:
        self.frames.append(payload)

    def backlog(self) -> int:
        return 0

    def tell(self, text: str, as_turn: bool) -> None: ...

    def answer(self, request: str, text: str, is_error: bool) -> None: ...


class Rig:
    """A bridge with everything around it, stepped 20 ms at a time."""

    def __init__(self, rate: int = 8000, depth: float = 0.06) -> None:
        self.clock = Clock()
        self.phone = Phone(self.clock, rate)
        self.session = Session()
        self.events: list[Event] = []
        self.bridge = Bridge(CALL, self.phone, self.events.append, self.clock, depth)
        self.bridge.attach(self.session, 1)

    def go_live(self, heard: str = "pcm_16000", spoken: str = "pcm_16000") -> None:
        self.bridge.answered()
        self.bridge.live(heard, spoken)

    def pass_time(self, seconds: float, says: Callable[[int], PCM] | None = None) -> None:
        for number in range(round(seconds / 0.02)):
            if says is not None:
                self.phone.says(says(number))
            self.bridge.tick()
            self.clock.now += 0.02

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


def tone(rate: int, seconds: float, hertz: float = 440.0, peak: float = 10000.0) -> PCM:
    t = np.arange(round(rate * seconds)) / rate
    return np.round(peak * np.sin(2 * np.pi * hertz * t)).astype(np.int16)


def blocks(sound: PCM, rate: int) -> Callable[[int], PCM]:
    size = rate // 50
    return lambda number: sound[number * size : (number + 1) * size]


def purity(sound: PCM, rate: int, hertz: float = 440.0) -> tuple[float, float]:
    """(peak of the tone, level of everything else against it in dB), by a least-squares fit."""
    t = np.arange(len(sound)) / rate
    basis = np.stack([np.sin(2 * np.pi * hertz * t), np.cos(2 * np.pi * hertz * t)], axis=1)
    fit, *_ = np.linalg.lstsq(basis, sound.astype(float), rcond=None)
    rest = sound - basis @ fit
    peak = float(np.hypot(*fit))
    return peak, 20 * math.log10(max(float(np.sqrt(np.mean(rest**2))), 1e-3) / max(peak, 1e-3))


@pytest.mark.parametrize("phone_rate", [8000, 16000, 48000])
@pytest.mark.parametrize("name", FORMATS)
def test_a_tone_reaches_the_agent_in_every_format(name: str, phone_rate: int) -> None:
    rig, fmt = Rig(phone_rate), parse_format(name)
    rig.go_live(heard=name)
    rig.pass_time(1.0, blocks(tone(phone_rate, 1.0), phone_rate))
    assert len(rig.session.frames) == 50
    heard = decode(b"".join(rig.session.frames), fmt)
    assert len(heard) / fmt.rate == pytest.approx(1.0, abs=0.0026)  # the resampler keeps the last 2.5 ms
    peak, rest = purity(heard[fmt.rate // 5 :], fmt.rate)
    assert peak == pytest.approx(10000, rel=0.012)
    assert rest < (-35 if name == "ulaw_8000" else -55)


@pytest.mark.parametrize("phone_rate", [8000, 16000, 48000])
@pytest.mark.parametrize("name", FORMATS)
def test_a_tone_reaches_the_phone_from_every_format(name: str, phone_rate: int) -> None:
    rig, fmt = Rig(phone_rate), parse_format(name)
    rig.go_live(spoken=name)
    payload = encode(tone(fmt.rate, 1.0), fmt)
    for i in range(0, len(payload), 9999):  # odd, so that samples are split
        rig.bridge.play(payload[i : i + 9999])
    rig.pass_time(1.2)
    sound = rig.phone.sound
    assert len(sound) == pytest.approx(phone_rate * 1.0, abs=phone_rate * 0.021)
    peak, rest = purity(sound[phone_rate // 10 : phone_rate * 9 // 10], phone_rate)
    assert peak == pytest.approx(10000, rel=0.012)
    assert rest < (-35 if name == "ulaw_8000" else -55)
    assert rig.of(AgentFirstAudio) == [AgentFirstAudio(CALL, 1)]
    assert not rig.of(AudioGlitch)


def test_nothing_is_sent_before_the_answer_or_before_live() -> None:
    rig = Rig()
    rig.pass_time(1.0, blocks(tone(8000, 1.0), 8000))
    rig.bridge.answered()
    rig.pass_time(0.5, blocks(tone(8000, 0.5), 8000))
    assert not rig.session.frames


def test_a_session_that_is_live_without_an_answer_hears_nothing() -> None:
    rig = Rig()
    rig.bridge.live("pcm_8000", "pcm_8000")
    rig.pass_time(0.5, blocks(tone(8000, 0.5), 8000))
    assert not rig.session.frames


def test_early_media_is_never_sent() -> None:
    rig = Rig()
    rig.pass_time(1.0, blocks(tone(8000, 1.0), 8000))
    rig.go_live(heard="pcm_8000")
    rig.pass_time(0.5)
    assert not decode(b"".join(rig.session.frames), parse_format("pcm_8000")).any()


def test_the_newest_second_before_live_comes_first_and_in_order() -> None:
    rig = Rig()
    rig.bridge.answered()
    counting = np.arange(1, 3 * 8000 + 1, dtype=np.int16)
    rig.pass_time(2.0, blocks(counting, 8000))
    rig.bridge.live("pcm_8000", "pcm_8000")
    assert len(rig.session.frames) == 1
    rest = blocks(counting[16000:], 8000)
    rig.pass_time(1.0, rest)
    heard = decode(b"".join(rig.session.frames), parse_format("pcm_8000"))
    assert heard[0] == 8001  # exactly the newest second
    assert np.array_equal(heard, np.arange(8001, 8001 + len(heard)))
    assert len(heard) == 16000


def test_what_was_kept_goes_in_messages_of_moderate_length() -> None:
    rig = Rig(48000)
    rig.bridge.answered()
    rig.pass_time(1.5, blocks(np.arange(72000).astype(np.int16), 48000))
    rig.bridge.live("pcm_48000", "pcm_16000")
    assert max(map(len, rig.session.frames)) <= 24_000
    assert np.array_equal(
        decode(b"".join(rig.session.frames), parse_format("pcm_48000")),
        np.arange(24000, 72000).astype(np.int16),
    )


def test_silence_flows_when_the_phone_gives_nothing() -> None:
    rig = Rig()
    rig.go_live(heard="ulaw_8000")
    rig.pass_time(3.0)
    heard = b"".join(rig.session.frames)
    assert set(heard) == {0xFF}
    assert 2.9 <= len(heard) / 8000 <= 3.0
    assert len(rig.session.frames) > 140


def test_what_comes_goes_on_in_the_same_step() -> None:
    rig = Rig()
    rig.go_live(heard="pcm_8000")
    for size in (160, 1, 800, 319):
        rig.phone.says(tone(8000, size / 8000))
        rig.bridge.tick()
        rig.clock.now += 0.02
    assert [len(frame) // 2 for frame in rig.session.frames] == [160, 1, 800, 319]


def test_a_gap_from_the_phone_is_filled_with_its_own_length() -> None:
    rig = Rig()
    rig.go_live(heard="pcm_8000")
    sound = tone(8000, 2.0)
    rig.pass_time(1.0, blocks(sound, 8000))
    rig.pass_time(0.5)
    rig.pass_time(1.0, blocks(sound, 8000))
    heard = decode(b"".join(rig.session.frames), parse_format("pcm_8000"))
    silent = np.flatnonzero(np.convolve(heard != 0, np.ones(400), "valid") == 0)
    assert len(silent) / 8000 == pytest.approx(0.5, abs=0.1)
    assert len(heard) / 8000 == pytest.approx(2.5, abs=0.05)
    assert not rig.of(AudioGlitch)


def test_uneven_blocks_do_not_tear_holes() -> None:
    rig = Rig()
    rig.go_live(heard="pcm_8000")
    sound = tone(8000, 3.0)
    due = [160, 160, 160, 0, 320, 160, 0, 320]  # samples on each tick: 20 ms late now and then

    def uneven(number: int, position: list[int] = [0]) -> PCM:  # noqa: B006 (a running position)
        start = position[0]
        position[0] += due[number % len(due)]
        return sound[start : position[0]]

    rig.pass_time(2.0, uneven)
    heard = decode(b"".join(rig.session.frames), parse_format("pcm_8000"))
    assert np.array_equal(heard, sound[: len(heard)])


def test_bursts_are_not_stretched_by_the_pauses_between_them() -> None:
    """160 ms at a time, as of a phone on a mobile network: each pause is longer than the patience."""
    rig = Rig()
    rig.go_live(heard="pcm_8000")
    burst, nothing = np.full(1280, 1000, np.int16), np.zeros(0, np.int16)
    rig.pass_time(8.0, lambda number: burst if number % 8 == 7 else nothing)
    heard = decode(b"".join(rig.session.frames), parse_format("pcm_8000"))
    assert np.count_nonzero(heard) == 8 * 8000
    assert len(heard) / 8000 == pytest.approx(8.1, abs=0.1)
    rig.session.frames.clear()
    rig.pass_time(0.6)  # bursts or not, a pause is one in the end
    assert len(b"".join(rig.session.frames)) / 2 / 8000 == pytest.approx(0.4, abs=0.15)


def test_what_was_late_is_neither_held_back_nor_lost() -> None:
    rig = Rig()
    rig.go_live(heard="pcm_8000")
    sound = tone(8000, 12.3)
    rig.pass_time(0.2)
    rig.phone.says(sound[:2400])
    rig.pass_time(12.0, blocks(sound[2400:], 8000))
    heard = decode(b"".join(rig.session.frames), parse_format("pcm_8000"))
    assert np.array_equal(np.trim_zeros(heard), np.trim_zeros(sound))
    assert not rig.of(AudioGlitch)


def test_interruption_drops_all_and_nothing_follows() -> None:
    rig = Rig()
    rig.go_live()
    rig.bridge.play(b"\x11\x11" * 16000 * 5)
    rig.pass_time(1.0)
    dropped = rig.bridge.interrupt()
    assert dropped == pytest.approx(4000, abs=45)
    assert rig.phone.flushed == pytest.approx(0.07, abs=0.03)
    writes = len(rig.phone.played)
    rig.pass_time(1.0)
    assert len(rig.phone.played) == writes
    rig.bridge.play(b"\x22\x22" * 320)
    assert len(rig.phone.played) > writes  # the next turn at once, no cool-down
    assert rig.phone.played[-1][-100:].tolist() == [0x2222] * 100


def test_a_silenced_agent_is_dropped_until_it_may_speak_again() -> None:
    rig = Rig()
    rig.go_live()
    rig.bridge.play(b"\x11\x11" * 16000 * 5)
    rig.pass_time(1.0)
    rig.bridge.silence(True)
    writes = len(rig.phone.played)
    rig.bridge.play(b"\x22\x22" * 16000)
    rig.pass_time(1.0)
    assert len(rig.phone.played) == writes
    rig.bridge.silence(False)
    rig.bridge.play(b"\x33\x33" * 320)
    assert rig.phone.played[-1][-100:].tolist() == [0x3333] * 100


@pytest.mark.parametrize("phone_rate", [8000, 16000])
def test_a_stall_of_50_ms_is_not_heard(phone_rate: int) -> None:
    rig = Rig(phone_rate)
    rig.go_live()
    rig.bridge.play(tone(16000, 4.0).tobytes())
    for _ in range(10):
        rig.pass_time(0.2)
        rig.clock.now += 0.05
    assert not rig.of(AudioGlitch)
    assert rig.bridge.levels().underruns == 0
    sound = rig.phone.sound
    _, rest = purity(sound[phone_rate // 10 : phone_rate * 2], phone_rate)
    assert rest < -55


def test_a_longer_stall_is_an_underrun_with_its_length() -> None:
    rig = Rig()
    rig.go_live()
    rig.bridge.play(tone(16000, 4.0).tobytes())
    rig.pass_time(0.5)
    rig.clock.now += 0.3
    rig.pass_time(0.5)
    glitches = rig.of(AudioGlitch)
    assert [event.direction for event in glitches if isinstance(event, AudioGlitch)] == [Direction.OUT]
    assert isinstance(glitches[0], AudioGlitch)
    assert glitches[0].ms == pytest.approx(230, abs=25)
    assert rig.bridge.levels().underruns == 1


def test_glitches_are_summed_once_a_second() -> None:
    rig = Rig()
    rig.go_live()
    for _ in range(40):
        rig.phone.lost += 7.0
        rig.pass_time(0.1)
    glitches = [event for event in rig.events if isinstance(event, AudioGlitch)]
    assert len(glitches) in (4, 5)
    rig.bridge.stop()
    assert sum(e.ms for e in rig.events if isinstance(e, AudioGlitch)) == 280


def test_the_end_of_an_utterance_is_played_before_drained() -> None:
    rig = Rig()
    rig.go_live()
    rig.bridge.play(tone(16000, 1.005).tobytes())
    rig.bridge.finish(1)
    rig.pass_time(0.9)
    assert not rig.of(PlayoutDrained)
    rig.pass_time(0.5)
    assert rig.of(PlayoutDrained) == [PlayoutDrained(CALL, 1)]
    assert len(rig.phone.sound) >= 8000 * 1.005
    tail = rig.phone.sound[round(8000 * 1.003) : round(8000 * 1.005)]
    assert np.abs(tail.astype(int)).max() > 3000


def test_drained_comes_even_from_a_path_that_takes_nothing() -> None:
    rig = Rig()
    rig.go_live()
    rig.bridge.play(tone(16000, 1.0).tobytes())
    rig.phone.queued = lambda: 0.5  # type: ignore[method-assign]
    rig.bridge.finish(1)
    rig.pass_time(2.5)
    assert rig.of(PlayoutDrained) == [PlayoutDrained(CALL, 1)]


def test_a_broken_path_is_reported_once_and_the_agent_gets_silence() -> None:
    rig = Rig()
    rig.go_live(heard="ulaw_8000")
    rig.bridge.play(tone(16000, 5.0).tobytes())
    rig.pass_time(0.1)
    rig.phone.dead = True
    rig.pass_time(1.0)
    assert rig.of(AudioFailed) == [AudioFailed(CALL, "the sound server is gone; start it again")]
    assert set(b"".join(rig.session.frames[-40:])) == {0xFF}
    rig.bridge.finish(1)
    rig.pass_time(0.02)
    assert rig.of(PlayoutDrained) == [PlayoutDrained(CALL, 1)]


def test_a_second_session_gets_what_was_said_while_there_was_none() -> None:
    rig = Rig()
    rig.go_live(heard="pcm_8000")
    rig.pass_time(1.0, blocks(tone(8000, 1.0), 8000))
    rig.bridge.detach()
    first = len(rig.session.frames)
    second = Session()
    rig.bridge.attach(second, 2)
    counting = np.arange(1, 4001, dtype=np.int16)
    rig.pass_time(0.5, blocks(counting, 8000))
    assert len(rig.session.frames) == first
    rig.bridge.live("pcm_8000", "pcm_8000")
    assert decode(b"".join(second.frames), parse_format("pcm_8000"))[:3000].tolist() == list(range(1, 3001))
    rig.bridge.play(b"\x01\x01" * 800)
    assert rig.of(AgentFirstAudio) == [AgentFirstAudio(CALL, 2)]


def test_the_path_may_come_after_the_session_and_change_its_rate() -> None:
    clock, events, session = Clock(), [], Session()
    bridge = Bridge(CALL, None, events.append, clock)
    bridge.attach(session, 1)
    bridge.tick()
    phone = Phone(clock)
    bridge.connect(phone)
    bridge.answered()
    bridge.live("pcm_16000", "pcm_16000")
    bridge.play(tone(16000, 2.0).tobytes())
    for rate in (8000, 48000, 16000):
        phone.rate = rate
        for number in range(25):
            phone.says(blocks(tone(rate, 0.5), rate)(number))
            bridge.tick()
            clock.now += 0.02
    assert len(session.frames) == 75
    heard = decode(b"".join(session.frames), parse_format("pcm_16000"))
    assert abs(20 * math.log10(np.sqrt(np.mean(heard[4000:].astype(float) ** 2)) / 7071)) < 0.6
    assert {len(frame) for frame in phone.played} & {320, 960} == {320, 960}


def test_levels_and_speech() -> None:
    rig = Rig()
    rig.pass_time(0.5, lambda _: np.zeros(160, np.int16))
    began = rig.clock.now
    rig.pass_time(0.5, blocks(tone(8000, 0.5), 8000))
    levels = rig.bridge.levels()
    assert levels.callee == pytest.approx(20 * math.log10(10000 / 32768) - 3.01, abs=0.3)
    assert levels.callee_speaking
    assert levels.callee_since == pytest.approx(began, abs=0.021)
    assert not levels.agent_speaking
    assert levels.agent == -96.0
    rig.pass_time(0.3)
    assert rig.bridge.levels().callee == -96.0
    assert rig.bridge.levels().callee_speaking  # a pause between words
    rig.pass_time(0.5)
    assert not rig.bridge.levels().callee_speaking
    assert rig.bridge.levels().callee_since == pytest.approx(began + 0.5, abs=0.1)


def test_agent_level_and_playout_depth_are_shown() -> None:
    rig = Rig()
    rig.go_live()
    rig.bridge.play(tone(16000, 2.0).tobytes())
    rig.pass_time(0.5)
    levels = rig.bridge.levels()
    assert levels.agent == pytest.approx(-13.3, abs=0.5)
    assert levels.agent_speaking
    assert 1480 <= levels.playout_ms <= 1540


def test_after_stop_nothing_moves() -> None:
    rig = Rig()
    rig.go_live()
    rig.bridge.stop()
    rig.bridge.play(b"\x11" * 6400)
    rig.pass_time(0.2, blocks(tone(8000, 0.2), 8000))
    assert not rig.session.frames
    assert not rig.phone.played
    assert not rig.events
    assert rig.bridge.interrupt() == 0


async def test_on_a_real_clock_silence_keeps_real_time_through_stalls() -> None:
    loop = asyncio.get_running_loop()
    phone, session, events = Phone(loop.time), Session(), []
    bridge = Bridge(CALL, phone, events.append, loop.time)
    bridge.attach(session, 1)
    bridge.answered()
    bridge.live("ulaw_8000", "pcm_16000")
    bridge.play(tone(16000, 2.0).tobytes())
    began = loop.time()
    running = asyncio.create_task(bridge.run())
    for _ in range(5):
        await asyncio.sleep(0.15)
        time.sleep(0.05)  # noqa: ASYNC251 (a stall of the interpreter)
    await asyncio.sleep(0.2)
    seconds = loop.time() - began
    bridge.stop()
    async with asyncio.timeout(5):
        await running
    assert sum(map(len, session.frames)) / 8000 == pytest.approx(seconds, abs=0.06)


async def test_after_a_long_stall_the_burst_is_bounded() -> None:
    loop = asyncio.get_running_loop()
    phone, session, events = Phone(loop.time), Session(), []
    bridge = Bridge(CALL, phone, events.append, loop.time)
    bridge.attach(session, 1)
    bridge.answered()
    bridge.live("pcm_8000", "pcm_16000")
    running = asyncio.create_task(bridge.run())
    await asyncio.sleep(0.05)
    phone.says(tone(8000, 1.5))
    before, stalled = sum(map(len, session.frames)), loop.time()
    time.sleep(1.5)  # noqa: ASYNC251 (a stall of the interpreter)
    await asyncio.sleep(0.2)  # time enough for a burst of any length
    burst, seconds = sum(map(len, session.frames)) - before, loop.time() - stalled
    assert burst / 16000 <= 0.5 + (seconds - 1.5) + 0.06
    bridge.stop()
    await running
    lost = [event for event in events if isinstance(event, AudioGlitch)]
    assert [event.direction for event in lost] == [Direction.IN]
    assert lost[0].ms == pytest.approx(1000, abs=150)


async def test_steps_are_made_as_soon_as_the_phone_has_something() -> None:
    """Packets every 20 ms, at a moment that the bridge does not know: most of them wait much less than the
    10 ms that they would wait on average for steps of any fixed beat."""
    loop = asyncio.get_running_loop()
    phone, session = Phone(loop.time), Session()
    bridge = Bridge(CALL, phone, lambda event: None, loop.time)
    bridge.attach(session, 1)
    bridge.answered()
    bridge.live("pcm_8000", "pcm_16000")
    waits: list[float] = []
    said_at: list[float] = []
    session.send_audio = lambda payload: waits.append(loop.time() - said_at[-1])  # type: ignore[method-assign]
    running = asyncio.create_task(bridge.run())
    began = loop.time()
    for number in range(100):
        await asyncio.sleep(began + 0.013 + 0.02 * number - loop.time())
        said_at.append(loop.time())
        phone.says(tone(8000, 0.02))
    bridge.stop()
    await running
    waits.sort()
    assert len(waits) > 80
    assert waits[len(waits) // 2] < 0.007
