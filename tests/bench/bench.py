"""What a part of the benchmark is given: how much to measure, on which engines, and the floor of this run."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

ENGINES = ("embedded", "baresip")


@dataclass
class Bench:
    """`folder`: private and empty, gone after the run. `floors`: medians in milliseconds by name, see
    `floor.FLOORS`. `versions`: of what a part has met, for the head of the table."""

    folder: Path
    quick: bool = False
    long: bool = False
    engines: tuple[str, ...] = ENGINES
    floors: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def count(self, full: int, quick: int) -> int:
        """How many to measure."""
        return quick if self.quick else full

    def say(self, text: str) -> None:
        """To whoever waits for the run."""
        print(text, file=sys.stderr, flush=True)


@asynccontextmanager
async def limit(seconds: float, what: str) -> AsyncIterator[None]:
    """A measurement that hangs says where."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise RuntimeError(f"{what}: not within {seconds:g} s") from None
