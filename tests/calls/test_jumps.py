"""A callee whose RTP jumps is heard on: by the AI, over either phone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from console.audio.pcm import FORMATS
from console.demo.conversation.script import Script, Step
from console.ports import PCM
from tests.calls.jumps import AFTER_HZ, AFTER_SECONDS, BEFORE_HZ, NUMBERS
from tests.console_rig import running_console

ENGINES = ("embedded", "baresip")
FORMAT = "pcm_16000"


def seconds_of(pcm: PCM, hz: float) -> float:
    """How long this tone stands in the sound."""
    rate = FORMATS[FORMAT].rate
    size = rate // 50
    blocks = pcm[: len(pcm) - len(pcm) % size].reshape(-1, size).astype(float)
    wave = np.exp(-2j * np.pi * hz * np.arange(size) / rate)
    share = np.abs(blocks @ wave) ** 2 / (size / 2 * (blocks**2).sum(axis=1) + 1e6)
    return float((share > 0.5).sum() * 0.02)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("engine", ENGINES)
async def test_a_callee_whose_rtp_jumps_is_heard_on(engine: str, tmp_path: Path) -> None:
    script = Script(input_format=FORMAT, steps=(Step("say", text="Hello", seconds=0.3, hz=440.0),))
    heard = {}
    async with running_console(tmp_path, engine=engine, script=script, cast="tests.calls.jumps") as console:
        for index, (name, number) in enumerate(NUMBERS.items(), 1):
            await console.over(console.dial(number))
            pcm = await console.conversation.caller_audio(index)
            heard[name] = seconds_of(pcm, BEFORE_HZ), seconds_of(pcm, AFTER_HZ)
    for name, (before, after) in heard.items():
        assert before > 0.8, name
        assert after > AFTER_SECONDS - 0.5, heard
