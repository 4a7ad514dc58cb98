"""What becomes of the sound: a minute (ten with `--long`) each way for every agent format and codec, several
calls at once: samples lost, doubled and late, gaps, drift, and the images of the conversions.

PCMU and PCMA callees speak, and are heard, themselves. G.722 and Opus callees send back the packets that they
hear: what comes back to the AI has gone both ways.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from console.audio.pcm import FORMATS, FRAMES_PER_SECOND
from console.audio.resample import StreamResampler
from tests.bench import marked, steady
from tests.bench.agent_voice import script
from tests.bench.bench import Bench
from tests.bench.marked import Heard
from tests.bench.packets import Packets
from tests.bench.program import FarEnds, Program, far_ends
from tests.bench.rows import Row, row

PART = "quality"
RATES = {"PCMU": 8000, "PCMA": 8000, "G722": 16000, "opus": 48000}
IMAGES_GOAL = -60.0
_TONE = 1000.0  # what the AI says before the noise


@dataclass(slots=True)
class Way:
    """One direction of one pair. `pauses`: milliseconds from one packet (or message) to the next. `image`: dB
    of the image of the callee's tone, as the AI got it."""

    name: str
    heard: Heard
    pauses: list[float] = field(default_factory=list)
    image: float | None = None


async def measure(bench: Bench) -> list[Row]:
    seconds = 600 if bench.long else bench.count(60, 10)
    formats = list(FORMATS) if not bench.quick else ["pcm_16000", "ulaw_8000"]
    rows: list[Row] = []
    on_wire: list[float] = []
    for codecs in (steady.SPEAK, steady.ECHO):
        pairs = [(format_, codec) for format_ in formats for codec in codecs]
        ways = await calls(bench, pairs, seconds)
        on_wire += [way.image for way in ways if way.image is not None]
        rows += _rows(ways, codecs, seconds, len(pairs))
    what = "image of a tone from the callee, as the AI got it"
    rows.append(row(PART, what, "embedded", on_wire, "dB", goal=IMAGES_GOAL, judged="max"))
    return rows + spectrum_rows()


async def calls(bench: Bench, pairs: Sequence[tuple[str, str]], seconds: float) -> list[Way]:
    """All of them at once."""
    lasts = seconds + 2 * len(pairs)
    scripts = {format_: script(bench.folder, format_, format_, lasts, _TONE) for format_, _ in pairs}
    async with far_ends(bench.folder, **scripts) as far:
        async with Program(far, bench.folder, screen=False) as program:
            placed = []
            for index, (format_, codec) in enumerate(pairs):
                await far.talk(format_)
                placed.append(await program.dial(steady.number(codec, index)))
            begin = time.time() + 3.0  # the tones are over, and what they were late
            await asyncio.sleep(3.0 + seconds)
            end = time.time() - 0.5
            await asyncio.gather(*(program.hang_up(call) for call in placed))
        ways = []
        for index, (format_, codec) in enumerate(pairs):
            ways += await _listen(far, index, format_, codec, (begin, end))
            bench.say(f"  {ways[-1].name}: {ways[-1].heard}")
        return ways


async def _listen(far: FarEnds, index: int, format_: str, codec: str, span: tuple[float, float]) -> list[Way]:
    packets = Packets.read(far.packets, steady.number(codec, index)).between(*span)
    arrivals = np.array(await far.conversation.arrivals(index + 1))
    when = arrivals[:, 0] + time.time() - time.monotonic()
    first, last = np.searchsorted(when, span)
    audio = await far.conversation.caller_audio(index + 1)
    width = FORMATS[format_].width
    sizes = np.concatenate([[0], arrivals[:, 1]]).astype(int) // width
    heard = audio[sizes[first] : sizes[last]]
    to_ai = await asyncio.to_thread(marked.follow, heard, FORMATS[format_].rate)
    pauses = list(map(float, np.diff(when[first:last]) * 1000))
    if codec in steady.ECHO:
        return [Way(f"{format_} - {codec} - {format_}", to_ai, pauses)]
    to_callee = await asyncio.to_thread(marked.follow, packets.pcm(), 8000)
    rate = FORMATS[format_].rate
    beginning = audio[: 4 * rate]
    hz = steady.TONE_HZ
    image = marked.image(beginning, rate, hz, 8000 - hz) if rate >= 16000 else None
    return [
        Way(f"{format_} to {codec}", to_callee, list(map(float, packets.pauses))),
        Way(f"{codec} to {format_}", to_ai, pauses, image),
    ]


# ---- rows ----


def _rows(ways: Sequence[Way], codecs: Sequence[str], seconds: float, pairs: int) -> list[Row]:
    rows = []
    for codec in codecs:
        for way in ("there and back",) if codec in steady.ECHO else ("AI to callee", "callee to AI"):
            own = [w for w in ways if _is(w, codec, way)]
            rows += _way_rows(own, f"{codec}, {way}", seconds, pairs)
    return rows


def _is(way: Way, codec: str, direction: str) -> bool:
    if direction == "there and back":
        return f" {codec} " in way.name
    return way.name.endswith(codec) if direction == "AI to callee" else way.name.startswith(f"{codec} ")


def _way_rows(ways: Sequence[Way], what: str, seconds: float, pairs: int) -> list[Row]:
    """Over all agent formats; the worst format is named where something is amiss."""

    def figures(name: str, values: Sequence[float], unit: str, goal: float | None = None) -> Row:
        worst = max(range(len(values)), key=lambda n: values[n])
        note = ways[worst].name if values[worst] else ""
        return row(PART, f"{what}: {name}", "embedded", values, unit, goal=goal, judged="max", note=note)

    heard = [way.heard for way in ways]
    if unknown := [way.name for way in ways if way.heard.seconds < 0.9 * seconds - 3]:
        raise RuntimeError(f"the sound was not recognised in {', '.join(unknown)}")
    begin = figures("samples lost", [h.lost for h in heard], "ms", 0.0)
    note = f"{seconds:.0f} s of {len(ways)} agent formats each, {pairs} calls at once"
    return [
        row(
            PART,
            begin.what,
            "embedded",
            [h.lost for h in heard],
            goal=0.0,
            judged="max",
            note="; ".join(filter(None, (note, begin.note))),
        ),
        figures("samples doubled", [h.doubled for h in heard], "ms", 0.0),
        figures("late (silence put in)", [sum(h.gaps) for h in heard], "ms", 0.0),
        figures("gaps of 20 ms and more", [float(h.longer(20)) for h in heard], "", 0.0),
        figures("gaps of 150 ms and more", [float(h.longer(150)) for h in heard], "", 0.0),
        figures("drift", [abs(h.drift) for h in heard], "ppm"),
        figures("longest pause between two packets", [max(way.pauses) for way in ways], "ms"),
    ]


# ---- the spectrum ----


def spectrum_rows() -> list[Row]:
    """Images of every conversion that a call can need, in frames of 20 ms as the bridge makes them."""
    worst: dict[str, tuple[list[float], str]] = {}
    for name, source, target in _conversions():
        levels, where = worst.setdefault(name, ([], ""))
        level = images(source, target)
        if not levels or level > max(levels):
            where = f"{source} to {target} Hz"
        levels.append(level)
        worst[name] = (levels, where)
    return [
        row(
            PART,
            f"images and aliases, {name}",
            "embedded",
            levels,
            "dB",
            goal=IMAGES_GOAL,
            judged="max",
            note=f"worst: {where}",
        )
        for name, (levels, where) in worst.items()
    ]


def _conversions() -> list[tuple[str, int, int]]:
    agent = sorted({fmt.rate for fmt in FORMATS.values()})
    phone = sorted(set(RATES.values()))
    pairs = [("AI to callee", a, p) for a in agent for p in phone if a != p]
    return pairs + [("callee to AI", p, a) for a in agent for p in phone if a != p]


def images(source: int, target: int) -> float:
    """dB of the loudest image or alias beside tones all over the band of `source`. A tenth of the band on
    either side of the lower half rate is left out: there a filter is neither open nor shut."""
    edge = min(source, target) / 2
    tones = np.arange(300.0, source / 2 * 0.97, source / 50)
    return max(_image(source, target, float(hz)) for hz in tones if not 0.9 * edge < hz < 1.1 * edge)


def _image(source: int, target: int, hz: float) -> float:
    converter = StreamResampler(source, target)
    size = source // FRAMES_PER_SECOND
    tone = marked.as_pcm(marked.tone(hz, source, 1.4))
    out = np.concatenate([converter.process(tone[at : at + size]) for at in range(0, len(tone), size)])
    second = out[target // 5 : target // 5 + target]
    return marked.beside(second, target, hz) - marked.TONE_DBFS
