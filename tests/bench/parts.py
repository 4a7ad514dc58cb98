"""The parts of the benchmark, in the order of the table. A part is a module of this folder with

    async def measure(bench: Bench) -> list[Row]

which raises when it cannot measure: a figure that is missing is said to be missing. Imported when it runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module

from tests.bench.bench import Bench
from tests.bench.rows import Row

Measure = Callable[[Bench], Awaitable[list[Row]]]

PARTS: dict[str, tuple[str, str]] = {
    # name: (module, title)
    "answer": ("answer", "1. From the answer to the AI, and from the hang-up to its end"),
    "delay": ("delay", "2. Bridge delay, each way"),
    "interruption": ("interruption", "3. Interruption"),
    "cost": ("cost", "4. Cost"),
    "quality": ("quality", "5. Quality"),
    "screen": ("screen", "6. Screen"),
    "beside": ("beside", "7. Beside the official SDK"),
}


def measure(name: str) -> Measure:
    """The function of this part."""
    found: Measure = import_module(f"tests.bench.{PARTS[name][0]}").measure
    return found
