"""What `make test` holds of cost, quality and screen: ratios within one run, on a machine that does more."""

import asyncio
import sys
from pathlib import Path

import pytest

from console.settings import phone_choice
from tests.bench import quality, screen
from tests.bench.agent_voice import script
from tests.bench.bench import Bench
from tests.bench.program import Program, far_ends, processor_seconds

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        not phone_choice.embedded_runs_here(), reason="NOT RUN: the embedded engine is for Linux"
    ),
]

ATTEMPTS = 4
"""A machine that is busy with other things may make one late; a mistake makes all late."""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, quick=True)


@pytest.mark.parametrize("codec", ["PCMU", "opus"])
async def test_no_sample_is_lost_doubled_or_late(bench: Bench, codec: str) -> None:
    for _ in range(ATTEMPTS):
        ways = await quality.calls(bench, [("pcm_16000", codec)], 5.0)
        assert all(way.heard.seconds > 4 for way in ways), ways
        if all((way.heard.lost, way.heard.doubled, way.heard.gaps) == (0.0, 0.0, []) for way in ways):
            return
    pytest.fail(f"damaged in {ATTEMPTS} calls out of {ATTEMPTS}, at last: {ways}")


async def test_the_idle_screen_costs_next_to_nothing(bench: Bench) -> None:
    """Beside a program that does nothing but count."""
    seconds = 4.0
    async with (
        far_ends(bench.folder, steady=script(bench.folder, "pcm_16000", "pcm_16000", 2.0)) as far,
        Program(far, bench.folder, screen=True) as program,
    ):
        await asyncio.sleep(1.0)
        busy = await asyncio.create_subprocess_exec(sys.executable, "-c", "while True: pass")
        try:
            before = program.processor_seconds(), processor_seconds(busy.pid)
            await asyncio.sleep(seconds)
            own = program.processor_seconds() - before[0]
            counting = processor_seconds(busy.pid) - before[1]
        finally:
            busy.kill()
            await busy.wait()
    assert own < 0.15 * counting, f"{own:.3f} s, and {counting:.3f} s for a program that never rests"


async def test_the_first_painting_comes_soon(bench: Bench) -> None:
    """Beside a Textual program with one line of text."""
    rows = await screen.starts(bench, 3)
    painting = rows[0]
    assert painting.floor is not None
    assert painting.median < 8 * painting.floor, painting
