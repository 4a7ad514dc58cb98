"""Whatever happens to a bridge in whatever order: it never raises, the agent gets whole samples, once a
step, nothing reaches an agent before the answer, and a finish is always answered once."""

from collections.abc import Callable

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from console.audio.bridge import Bridge
from console.audio.pcm import FORMATS, parse_format
from console.core.events import CallId, Event, PlayoutDrained
from console.ports import PCM, AudioError

CALL = CallId("c1")

STEPS = st.one_of(
    st.tuples(st.just("time"), st.integers(1, 40)),
    st.tuples(st.just("stall"), st.integers(1, 3000)),
    st.tuples(st.just("heard"), st.integers(0, 5000)),
    st.tuples(st.just("play"), st.integers(0, 40_000)),
    st.tuples(st.just("live"), st.sampled_from([(a, b) for a in FORMATS for b in FORMATS])),
    st.tuples(st.just("rate"), st.sampled_from([8000, 16000, 48000])),
    *(
        st.just((name,))
        for name in ("attach", "detach", "answered", "interrupt", "finish", "break", "connect")
    ),
)


class Phone:
    def __init__(self, clock: Callable[[], float]) -> None:
        self.rate = 8000
        self.period = 0.02
        self.broken = False
        self.heard: list[PCM] = []
        self._clock = clock
        self._ends = 0.0

    def read(self) -> PCM:
        if self.broken:
            raise AudioError("gone")
        heard, self.heard = self.heard, []
        return np.concatenate([np.zeros(0, np.int16), *heard])

    def write(self, pcm: PCM) -> None:
        assert pcm.dtype == np.int16
        self._ends = max(self._ends, self._clock()) + len(pcm) / self.rate

    def queued(self) -> float:
        return max(0.0, self._ends - self._clock())

    def flush(self) -> float:
        dropped, self._ends = self.queued(), 0.0
        return dropped


class World:
    def __init__(self) -> None:
        self.now = 0.0
        self.events: list[Event] = []
        self.phone = Phone(self.clock)
        self.bridge = Bridge(CALL, self.phone, self.events.append, self.clock)
        self.session = 0
        self.sizes: list[int] = []
        self.width = 1
        self.answered = False
        self.finishes = 0

    def clock(self) -> float:
        return self.now

    def send_audio(self, payload: bytes) -> None:
        assert self.answered
        assert payload
        assert len(payload) % self.width == 0
        self.sizes.append(len(payload))

    def prepare(self) -> None: ...

    def open(self, context: str) -> None: ...

    def close(self, reason: str) -> None: ...

    def backlog(self) -> int:
        return 0

    def do(self, name: str, *values: object) -> None:
        bridge = self.bridge
        match name, values:
            case "time", (int(ticks),):
                for _ in range(ticks):
                    before = len(self.sizes)
                    bridge.tick()
                    # at most half a second, of 48 kHz in two messages of moderate length
                    assert len(self.sizes) - before <= 2
                    self.now += 0.02
            case "stall", (int(ms),):
                self.now += ms / 1000
            case "heard", (int(samples),):
                self.phone.heard.append(np.full(samples, 77, np.int16))
            case "play", (int(size),):
                bridge.play(b"\x21" * size)
            case "live", ((str(heard), str(spoken)),):
                self.width = parse_format(heard).width
                bridge.live(heard, spoken)
            case "rate", (int(rate),):
                self.phone.rate = rate
            case "attach", _:
                self.session += 1
                bridge.attach(self, self.session)
                self.finishes = self._drained()
            case "answered", _:
                self.answered = True
                bridge.answered()
            case "interrupt", _:
                assert bridge.interrupt() >= 0
            case "finish", _:
                self.finishes = self._drained() + 1
                bridge.finish(self.session)
            case "break", _:
                self.phone.broken = True
            case "connect", _:
                self.phone.broken = False
                bridge.connect(self.phone)
            case "detach", _:
                bridge.detach()

    def _drained(self) -> int:
        return sum(isinstance(event, PlayoutDrained) for event in self.events)


TALKING = [("attach",), ("answered",), ("live", ("pcm_16000", "ulaw_8000")), ("play", 9000), ("time", 3)]


@settings(max_examples=300)
@example([], [("attach",), ("answered",), ("live", ("pcm_48000", "pcm_8000")), ("stall", 251)])
@given(st.sampled_from([[], TALKING]), st.lists(STEPS, min_size=1, max_size=40))
def test_any_history(before: list[tuple[object, ...]], steps: list[tuple[object, ...]]) -> None:
    world = World()
    for name, *values in [*before, *steps]:
        world.do(str(name), *values)
    waiting = world.bridge.levels().playout_ms / 1000
    world.do("time", 1)
    waiting = max(waiting, world.bridge.levels().playout_ms / 1000)
    world.do("time", round((waiting + 4) / 0.02))
    assert world._drained() == world.finishes
    world.bridge.stop()
    events = len(world.events)
    world.do("heard", 400)
    world.do("play", 400)
    world.do("time", 5)
    assert len(world.events) == events
