"""What calls cost: processor and memory of the console alone for more and more calls at once, each with its
AI session and sound both ways, and the late frames in them.

The console is the program itself (`call-console` in a pseudo-terminal, and `call-console serve`), the
embedded engine, PCMU on the line and pcm_16000 at the AI. Callees and conversation server are processes of
their own on the same cores.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.bench import marked, steady
from tests.bench.agent_voice import script
from tests.bench.bench import Bench
from tests.bench.marked import PCM
from tests.bench.packets import Packets
from tests.bench.program import FarEnds, Program, far_ends
from tests.bench.rows import Row, single

PART = "cost"
STEPS = (1, 5, 20, 50)
FURTHER = (80,)
"""Where it goes on, without the screen, as long as processors are left."""

_FULL = 85
"""Percent of all processors from which a measurement says more about the queue for them than about us."""

_CODEC, _FORMAT = "PCMU", "pcm_16000"
_SETTLE = 1.5
_BEGIN = 4.0  # what the program loads and tidies up behind its first painting


@dataclass(slots=True)
class Stretch:
    """Some seconds with so many calls. Shares in percent of one core. `begin`, `end`: Unix seconds."""

    calls: int
    begin: float
    end: float
    share: float
    threads: list[float]
    far: dict[str, float]
    memory: float
    late_out: list[int] = field(default_factory=list)
    late_in: list[int] = field(default_factory=list)
    missing: int = 0
    peers_late: float = 0.0

    @property
    def seconds(self) -> float:
        return self.end - self.begin

    @property
    def total(self) -> float:
        """Percent of one core, of everybody."""
        return self.share + sum(self.far.values())


async def measure(bench: Bench) -> list[Row]:
    rows: list[Row] = []
    for screen in (False, True):
        rows += await _ramp(bench, screen)
    return rows + await _where(bench)


async def _ramp(bench: Bench, screen: bool) -> list[Row]:
    where = "with the screen" if screen else "no screen"
    stretches: list[Stretch] = []
    steps = [0, *STEPS] if not bench.quick else [0, 1, 20]
    async with far_ends(bench.folder, steady=script(bench.folder, _FORMAT, _FORMAT, 240.0)) as far:
        async with Program(far, bench.folder, screen=screen) as program:
            calls: list[str] = []
            further = iter(() if screen or bench.quick else FURTHER)
            while steps:
                await _grow(program, calls, steps.pop(0))
                stretches.append(await _stretch(bench, far, program, len(calls)))
                bench.say(f"  {where}, {len(calls)} calls: {stretches[-1].share:.0f} % of a core")
                if not steps and stretches[-1].total < _FULL * _cores():
                    steps += [more] if (more := next(further, 0)) else []
            await asyncio.gather(*(program.hang_up(call) for call in calls))
            live = [event for event in program.events() if event["type"] == "agent.live"]
        conversations = {event["call"]: event["conversation_id"] for event in reversed(live)}
        await _listen(far, stretches, [conversations[call] for call in calls])
    return _rows(stretches, where)


async def _where(bench: Bench) -> list[Row]:
    """What the main thread (the engine's, without a screen) does all the time, by a watch inside."""
    calls = bench.count(50, 10)
    told: dict[str, Any] = {}
    async with (
        far_ends(bench.folder, steady=script(bench.folder, _FORMAT, _FORMAT, 60.0)) as far,
        Program(far, bench.folder, screen=False, watched=True) as program,
    ):
        await _grow(program, [], calls)
        async with program.watching(told):
            await asyncio.sleep(bench.count(8, 4))
    samples = sorted(told["samples"].items(), key=lambda item: -item[1])
    total = sum(told["samples"].values())
    return [
        single(PART, f"of the engine's thread, {calls} calls: {kind}", "embedded", 100 * count / total, "%")
        for kind, count in samples
    ]


async def _grow(program: Program, calls: list[str], count: int) -> None:
    while len(calls) < count:
        calls.append(await program.dial(steady.number(_CODEC, len(calls))))
    await asyncio.sleep(_SETTLE if calls else _BEGIN)


async def _stretch(bench: Bench, far: FarEnds, program: Program, calls: int) -> Stretch:
    own, others, threads = program.processor_seconds(), far.processor_seconds(), program.threads()
    begin = time.time()
    await asyncio.sleep(bench.count(6, 4))
    end = time.time()
    share = 100 / (end - begin)
    after = program.threads()
    return Stretch(
        calls,
        begin,
        end,
        share * (program.processor_seconds() - own),
        sorted((share * (after[n] - threads.get(n, 0.0)) for n in after), reverse=True),
        {name: share * (value - others[name]) for name, value in far.processor_seconds().items()},
        program.memory(),
    )


# ---- what was heard meanwhile ----


async def _listen(far: FarEnds, stretches: Sequence[Stretch], conversations: Sequence[str]) -> None:
    """Fill in the late frames of each stretch, from what callees and server received. `conversations`: the id
    of each call's session, in the order of the callees."""
    report = await far.conversation.report()
    numbers = {seen["conversation_id"]: seen["number"] for seen in report["conversations"]}
    offset = time.time() - time.monotonic()
    for index, conversation in enumerate(conversations):
        packets = await _packets(far, steady.number(_CODEC, index))
        number = numbers[conversation]
        audio = await far.conversation.caller_audio(number)
        arrivals = np.array(await far.conversation.arrivals(number)).reshape(-1, 2)
        sizes = np.concatenate([[0], arrivals[:, 1]]).astype(int) // 2
        for stretch in stretches:
            if index >= stretch.calls:
                continue
            heard = packets.between(stretch.begin, stretch.end)
            stretch.missing += heard.missing
            stretch.peers_late = max(stretch.peers_late, float(heard.late.max(initial=0.0)))
            stretch.late_out.append(await _late(heard.pcm(), 8000, stretch))
            first, last = np.searchsorted(arrivals[:, 0] + offset, (stretch.begin, stretch.end))
            stretch.late_in.append(await _late(audio[sizes[first] : sizes[last]], 16000, stretch))


async def _late(pcm: PCM, rate: int, stretch: Stretch) -> int:
    """Frames of silence where the sound went on: each was too late. All, when there was no sound."""
    followed = await asyncio.to_thread(marked.follow, pcm, rate)
    return round(sum(followed.gaps) / 20) if followed.seconds else round(50 * stretch.seconds)


async def _packets(far: FarEnds, who: str) -> Packets:
    """Written when the callee has taken the BYE in."""
    async with asyncio.timeout(10):
        while True:
            try:
                return Packets.read(far.packets, who)
            except FileNotFoundError:
                await asyncio.sleep(0.05)


# ---- rows ----


def _rows(stretches: Sequence[Stretch], where: str) -> list[Row]:
    rows = []
    for stretch in stretches:
        count = {0: "no call", 1: "1 call"}.get(stretch.calls, f"{stretch.calls} calls")
        many = f"{count}, {where}"
        threads = " + ".join(f"{share:.0f}" for share in stretch.threads[:2] if share >= 0.5)
        rest = sum(stretch.threads[2:])
        far = ", ".join(f"{name} {share:.0f} %" for name, share in stretch.far.items())
        rows.append(
            single(
                PART,
                f"processor: {many}",
                "embedded",
                stretch.share,
                "% of a core",
                note=f"its threads {threads or '0'} + {rest:.0f}; beside it {far}" if stretch.calls else "",
            )
        )
        rows.append(single(PART, f"memory: {many}", "embedded", stretch.memory, "MB"))
        if stretch.calls:
            rows += _late_rows(stretch, many)
    return rows


def _late_rows(stretch: Stretch, many: str) -> list[Row]:
    goal = 0.0 if stretch.calls <= 50 else None
    of = round(50 * stretch.seconds * stretch.calls)
    out = f"of {of}; {stretch.missing} RTP packets missing"
    return [
        single(
            PART,
            f"late frames, AI to callee: {many}",
            "embedded",
            sum(stretch.late_out),
            "",
            goal=goal,
            note=out,
        ),
        single(
            PART,
            f"late frames, callee to AI: {many}",
            "embedded",
            sum(stretch.late_in),
            "",
            goal=goal,
            note=f"of {of}; the callees themselves were up to {stretch.peers_late:.0f} ms late",
        ),
    ]


def _cores() -> int:
    return len(os.sched_getaffinity(0))
