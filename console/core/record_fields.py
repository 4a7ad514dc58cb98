"""What the fields of a record hold, whoever wrote it: another version of this program, or anybody."""

from __future__ import annotations

from collections.abc import Mapping

from .effects import JsonValue
from .events import Refusal

Fields = Mapping[str, JsonValue]

LATEST = 1e10
"""Seconds; also keeps out what is no number."""


def text(fields: Fields, key: str) -> str:
    """What stands there, as text; empty when nothing does."""
    value = fields.get(key)
    return "" if value is None else str(value)


def number(fields: Fields, key: str) -> float:
    """Seconds; what no time can be is 0."""
    value = fields.get(key)
    return float(value) if isinstance(value, int | float) and 0 <= value < LATEST else 0.0


def code(fields: Fields) -> int | None:
    """The SIP status code."""
    value = fields.get("code")
    return value if isinstance(value, int) else None


def refusal_of(fields: Fields) -> Refusal | None:
    """Raises `ValueError` for one that another version knows."""
    value = text(fields, "refusal")
    return Refusal(value) if value else None
