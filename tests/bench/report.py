"""The run as JSON and as the tables of the document. What stands outside the two marks is written by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.bench.parts import PARTS
from tests.bench.rows import Row, number

BEGIN = "<!-- written by `make bench` from here -->"
END = "<!-- to here -->"
_COLUMNS = ("what", "engine", "n", "median", "p95", "max", "x floor", "goal", "verdict")


def as_json(about: dict[str, Any], rows: list[Row], missing: dict[str, str]) -> str:
    document = {**about, "rows": [row.as_json() for row in rows], "not_measured": missing}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def markdown(about: dict[str, Any], rows: list[Row], missing: dict[str, str]) -> str:
    """Everything between the marks."""
    parts = [_head(about)]
    for name, (_, title) in {"floor": ("", "0. The floor"), **PARTS}.items():
        own = [row for row in rows if row.part == name]
        if not own and name not in missing:
            continue
        parts.append(f"### {title}")
        if name in missing:
            parts.append(f"NOT MEASURED: {missing[name]}")
        if own:
            parts.append(_table(_COLUMNS, [_cells(row) for row in own]))
    if beside := _side_by_side(rows):
        parts += ["### Side by side (medians of this run)", beside]
    return "\n\n".join(parts)


def write(path: Path, text: str) -> None:
    """Put it between the marks of this file; `LookupError` when it has none."""
    old = path.read_text("utf-8")
    head, begin, rest = old.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise LookupError(f"{path} has no place for the tables: {BEGIN} ... {END}")
    path.write_text(f"{head}{BEGIN}\n\n{text}\n\n{END}{tail}", "utf-8")


def _head(about: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    took = f" The run took {about['seconds']:.0f} s." if "seconds" in about else ""
    kind = f" {about['kind']} run." if about.get("kind") else ""
    return (
        f"Measured {about['measured']} at commit {about['commit']} on {about['machine']}, {about['system']}; "
        f"load {about['load']} before the run.{took}{kind}\n\nVersions: {versions}."
    )


def _side_by_side(rows: list[Row]) -> str:
    """The official SDK and both engines, as far as this run has them; `prepared` is how the console works."""
    medians = {(row.what.removesuffix(", prepared"), row.engine): row for row in reversed(rows)}
    lines = []
    for sdk in (row for row in rows if row.engine == "sdk"):
        ours = [medians.get((sdk.what, engine)) for engine in ("baresip", "embedded")]
        cells = [f"{number(row.median)} {row.unit}" if row else "" for row in (sdk, *ours)]
        lines.append(_line(sdk.what, *cells))
    columns = ("what", "official SDK, Baresip", "the console, same Baresip", "the console, embedded engine")
    return _table(columns, lines) if lines else ""


def _table(columns: tuple[str, ...], lines: list[str]) -> str:
    return "\n".join([_line(*columns), _line(*("---" for _ in columns)), *lines])


def _cells(row: Row) -> str:
    unit = f" {row.unit}" if row.unit else ""
    what = f"{row.what} ({row.note})" if row.note else row.what
    figures = [f"{number(row.median)}{unit}"]
    figures += [number(row.p95), number(row.max)] if row.n > 1 else ["", ""]
    sign = "at least " if row.least else "" if row.judged == "median" else f"{row.judged} "
    goal = "" if row.goal is None else f"{sign}{number(row.goal)}"
    multiple = "" if row.multiple is None else f"{row.multiple:.1f}"
    return _line(what, row.engine, str(row.n), *figures, multiple, goal, row.verdict)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
