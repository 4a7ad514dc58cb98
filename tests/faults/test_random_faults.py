"""A seeded sample of pairs of faults, and randomly faulted calls, all in one console for each engine.

30 pairs and 50 calls in all. The seed and what it chose are printed (`pytest -rP`); FAULT_SEED repeats
another run. `make soak` does all pairs and 500 calls on one engine.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from console.demo.conversation.script import Script
from tests.console_rig import SLOW
from tests.faults.blows import TURN, Struck, free, pairs, place_all, random_calls
from tests.faults.scene import staged
from tests.faults.single import EMBEDDED, EXTERNAL

SEED = int(os.environ.get("FAULT_SEED", "6"))
SECONDS = 100.0

CASES: list[tuple[str, Callable[[str, int, random.Random], list[Struck]], int]] = [
    ("embedded", pairs, 15),
    ("baresip", pairs, 15),
    ("embedded", random_calls, 25),
    ("baresip", random_calls, 25),
]


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("engine", "choose", "count"),
    [
        pytest.param(
            *case, id=f"{case[0]} {case[1].__name__}", marks=pytest.mark.live if case[0] == EXTERNAL else ()
        )
        for case in CASES
    ],
)
async def test_sample(
    engine: str,
    choose: Callable[[str, int, random.Random], list[Struck]],
    count: int,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    record_property("engine", engine)
    print(f"FAULT_SEED={SEED}")
    calls = choose(engine, count, random.Random(f"{SEED} {engine} {choose.__name__}"))
    what = "pairs of faults" if choose is pairs else "randomly faulted calls"
    record_property("fault", f"{count} {what} (seed {SEED})")
    async with staged(
        tmp_path,
        engine,
        script=Script(steps=(TURN,)),
        ctrl_proxy=engine != EMBEDDED,
        RTP_TIMEOUT="2",
    ) as scene:
        seen = await place_all(scene, calls, SECONDS * SLOW)
        print(seen)
        await free(scene)
        await scene.works_again()
    assert not seen.broken, seen.broken
    assert seen.placed >= 0.8 * count, "the sample did not fit into its time"
    record_property("left", 0)
    record_property("leg", "-")
    record_property("silence", "-")
    record_property("note", f"RTP for at most {seen.rtp:.2f} s after the end of a leg")
    record_property("session", round(seen.longest, 2))
