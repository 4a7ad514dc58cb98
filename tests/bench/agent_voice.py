"""The agent of the benchmark: the marked sound, without a pause for as long as the call lasts."""

from __future__ import annotations

import wave
from functools import cache
from pathlib import Path

from console.audio.pcm import FORMATS
from console.demo.conversation.script import Script, Step
from tests.bench import marked
from tests.bench.marked import PCM

_PIECE = 2
"""Seconds in one turn of the server."""

_LEAD = 2
"""Turns ahead of the clock: an agent is faster than speech, and the server's own pauses never show."""


def script(
    folder: Path, input_format: str, output_format: str, seconds: float, tone_hz: float = 0.0
) -> Script:
    """`seconds` of noise after a tone of `tone_hz` (0: none), in files of this folder."""
    rate = FORMATS[output_format].rate
    turns = [_file(folder, rate, f"tone{tone_hz:.0f}", tone_hz)] if tone_hz else []
    count = -(-round(seconds) // _PIECE)
    turns += [_file(folder, rate, f"noise{n % (marked.PERIOD // _PIECE)}", n=n) for n in range(count)]
    steps = []
    for index, file in enumerate(turns):
        if index > _LEAD:
            # the time it takes to send is not in the pause, so that in the end a little is ahead
            steps.append(Step("wait", seconds=_PIECE - 0.01))
        steps.append(Step("say", wav=file, chunk=0.2))
    return Script(input_format, output_format, steps=(*steps, Step("hold")))


def _file(folder: Path, rate: int, name: str, hz: float = 0.0, n: int = 0) -> str:
    path = folder / f"{rate}-{name}.wav"
    if not path.exists():
        pcm = (
            marked.as_pcm(marked.tone(hz, rate, _PIECE))
            if hz
            else _noise(rate, n % (marked.PERIOD // _PIECE))
        )
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, rate, 0, "NONE", ""))
            file.writeframes(pcm.astype("<i2").tobytes())
    return str(path)


@cache
def _noise(rate: int, n: int) -> PCM:
    return marked.piece(rate, n * _PIECE, _PIECE)
