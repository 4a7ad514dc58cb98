"""Outcomes in words and as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator

from ..core.finding import Severity
from .checking import Outcome

_NAME, _MARK = 11, 7
_MARKS = {Severity.PROBLEM: "PROBLEM", Severity.WARNING: "warning", Severity.NOTE: "note"}


def words(outcome: Outcome) -> Iterator[str]:
    """Lines for people; none for a check that has nothing to say."""
    name, result = outcome.check.name, outcome.result
    for finding in result.findings:
        yield from _wrapped(name, _MARKS[finding.severity], finding.text)
        yield from _wrapped("", "", f"-> {finding.remedy}")
    for sentence in result.unknown:
        yield from _wrapped(name, "unknown", sentence)
    if result.facts and state(outcome) not in ("problem", "warning"):
        yield from _wrapped(name, "ok", "; ".join(result.facts))


def _wrapped(name: str, mark: str, text: str) -> list[str]:
    """One entry in lines of 100 columns; paths and numbers are never broken."""
    head = f"{name:{_NAME}} {mark:{_MARK}}  "
    return textwrap.wrap(
        text,
        100,
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
        return "All is well."
    parts = [_plural(problems, "problem")] if problems else []
    parts += [_plural(warnings, "warning")] if warnings else []
    return f"{' and '.join(parts)}." + ("" if problems else " Calls can be made.")


def _plural(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def exit_code(outcomes: Iterable[Outcome]) -> int:
    """0 without a problem (warnings are only said), else 1."""
    return 1 if count(outcomes, Severity.PROBLEM) else 0
