"""Values out of JSON that somebody else wrote: what is missing or of another type is None, never an error."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..core.text import clean


def at(value: object, *path: str) -> object:
    """What lies at this path of objects; None where there is nothing."""
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def text(value: object, limit: int = 200) -> str | None:
    return clean(value, limit) if isinstance(value, str) else None


def flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def number(value: object) -> float | None:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def whole(value: object) -> int | None:
    found = number(value)
    return None if found is None else round(found)


def names(value: object) -> frozenset[str] | None:
    """A list of texts; other things in it are passed over."""
    if not isinstance(value, list):
        return None
    return frozenset(clean(item, 80) for item in value if isinstance(item, str))


def switched_on(value: object, prefix: str = "") -> Iterator[str]:
    """Dotted paths of everything that is true in an object of objects."""
    if not isinstance(value, dict):
        return
    for name, inner in value.items():
        path = f"{prefix}{clean(str(name), 40)}"
        if inner is True:
            yield path
        yield from switched_on(inner, f"{path}.")
