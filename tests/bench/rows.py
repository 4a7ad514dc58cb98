"""One figure of the benchmark: what was measured how often, beside its floor and its goal. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """`part`: as in `parts.PARTS`. `engine`: `embedded`, `baresip`, `sdk` (official SDK) or empty. Figures in
    `unit`. `floor`: what the bare exchange of `floor.py` needed for the same, in the same run and unit.
    `goal`: held against the figure called `judged` (`median`, `p95` or `max`); `least`: it is a lower limit.
    `note`: half a sentence, if the row needs one."""

    part: str
    what: str
    engine: str
    n: int
    median: float
    p95: float
    max: float
    unit: str = "ms"
    floor: float | None = None
    goal: float | None = None
    judged: str = "median"
    least: bool = False
    note: str = ""

    @property
    def multiple(self) -> float | None:
        """How often the floor."""
        return self.median / self.floor if self.floor else None

    @property
    def missed_by(self) -> float | None:
        """By how much the goal is missed, 0 when it is met; None without a goal."""
        if self.goal is None:
            return None
        figure = float(getattr(self, self.judged))
        return max(0.0, self.goal - figure if self.least else figure - self.goal)

    @property
    def verdict(self) -> str:
        missed = self.missed_by
        if missed is None:
            return ""
        return f"missed by {number(missed)} {self.unit}" if missed else "met"

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "multiple": self.multiple, "verdict": self.verdict}


def row(part: str, what: str, engine: str, values: Sequence[float], unit: str = "ms", **more: Any) -> Row:
    """The row of these values; `LookupError` when there are none: nothing may stand in for a measurement."""
    if not values:
        raise LookupError(f"nothing was measured of: {what} ({engine})")
    ranked = sorted(values)
    p95 = ranked[math.ceil(0.95 * len(ranked)) - 1]  # nearest rank: no value that nobody measured
    return Row(part, what, engine, len(ranked), statistics.median(ranked), p95, ranked[-1], unit, **more)


def single(part: str, what: str, engine: str, value: float, unit: str, **more: Any) -> Row:
    """A row of one value: a count, a share, a level."""
    return Row(part, what, engine, 1, value, value, value, unit, **more)


def number(value: float) -> str:
    """As many digits as the figure deserves."""
    size = abs(value)
    return f"{value:.0f}" if size >= 100 or value == int(value) else f"{value:.{1 if size >= 10 else 2}f}"
