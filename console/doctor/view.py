"""Outcomes in words and as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator

from ..core.finding import Severity
from ..core.words import enumerated, joined, phrase, phrase_n
from ..language import shown
from .checking import Outcome

_WIDTH, _NAME, _MARK = 80, 11, 8
_MARKS = {
    Severity.PROBLEM: phrase("PROBLEM"),
    Severity.WARNING: phrase("warning"),
    Severity.NOTE: phrase("note"),
}
_NAMES = {
    "settings": phrase("settings"),
    "files": phrase("files"),
    "phone": phrase("phone"),
    "control": phrase("control"),
    "joined": phrase("joined"),
    "line": phrase("line"),
    "audio": phrase("audio"),
    "clock": phrase("clock"),
}


def words(outcome: Outcome) -> Iterator[str]:
    """Lines for people; none for a check that has nothing to say."""
    name, result = outcome.check.name, outcome.result
    for finding in result.findings:
        yield from _wrapped(name, _MARKS[finding.severity], finding.text)
        yield from _wrapped("", "", joined("", ("-> ", finding.remedy)))
    for sentence in result.unknown:
        yield from _wrapped(name, phrase("unclear"), sentence)
    if result.facts and state(outcome) not in ("problem", "warning"):
        yield from _wrapped(name, phrase("ok"), joined("; ", result.facts))


def _wrapped(name: str, mark: str, text: str) -> list[str]:
    """One entry in lines of 80 columns; paths and numbers are never broken."""
    head = f"{shown(_NAMES.get(name, name)):{_NAME}} {shown(mark):{_MARK}} "
    return textwrap.wrap(
        shown(text),
        _WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )


def state(outcome: Outcome) -> str:
    """`problem`, `warning`, `unknown` or `ok`: the worst that there is."""
    severities = {finding.severity for finding in outcome.result.findings}
    for worst in (Severity.PROBLEM, Severity.WARNING):
        if worst in severities:
            return worst.value
    return "unknown" if outcome.result.unknown and not outcome.result.facts else "ok"


def objects(outcome: Outcome, t: float) -> Iterator[str]:
    """JSON lines: the check, then its findings. `t`: seconds since the start."""
    head = {"t": round(t, 4), "type": "doctor.check", "check": outcome.check.name, "state": state(outcome)}
    yield json.dumps(
        {**head, "facts": outcome.result.facts, "unknown": outcome.result.unknown}, ensure_ascii=False
    )
    for finding in outcome.result.findings:
        yield json.dumps(
            {
                "t": round(t, 4),
                "type": "doctor.finding",
                "check": outcome.check.name,
                "code": finding.code,
                "severity": finding.severity.value,
                "text": finding.text,
                "remedy": finding.remedy,
            },
            ensure_ascii=False,
        )


def count(outcomes: Iterable[Outcome], severity: Severity) -> int:
    return sum(f.severity is severity for outcome in outcomes for f in outcome.result.findings)


def summary(outcomes: Iterable[Outcome]) -> str:
    """One sentence over everything."""
    listed = list(outcomes)
    problems, warnings = count(listed, Severity.PROBLEM), count(listed, Severity.WARNING)
    if not problems and not warnings:
        return phrase("All is well.")
    parts = [phrase_n("{n} problem", "{n} problems", problems)] if problems else []
    parts += [phrase_n("{n} warning", "{n} warnings", warnings)] if warnings else []
    if problems:
        return phrase("{parts}.", parts=enumerated(parts))
    return phrase("{parts}. Calls can be made.", parts=enumerated(parts))


def exit_code(outcomes: Iterable[Outcome]) -> int:
    """0 without a problem (warnings are only said), else 1."""
    return 1 if count(outcomes, Severity.PROBLEM) else 0
