"""What a look at a set-up found: wrong, doubtful or worth knowing, always with what to do about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """`PROBLEM`: calls fail, or somebody could do harm. `WARNING`: it works, and somebody may regret it.
    `NOTE`: good to know."""

    PROBLEM = "problem"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """`code`: stable, for programs, as `agent.no-interruption`. `text` and `remedy` (what to do) are one
    sentence each; foreign text in them has been cleaned."""

    code: str
    severity: Severity
    text: str
    remedy: str


def problem(code: str, text: str, remedy: str) -> Finding:
    return Finding(code, Severity.PROBLEM, text, remedy)


def warning(code: str, text: str, remedy: str) -> Finding:
    return Finding(code, Severity.WARNING, text, remedy)


def note(code: str, text: str, remedy: str) -> Finding:
    return Finding(code, Severity.NOTE, text, remedy)
