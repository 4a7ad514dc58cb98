"""The table of `docs/reliability.md`, made from what a run of the fault tests reported."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import Any

from console.phone.baresip_version import parse_version
from tests.console_rig import SLOW
from tests.faults.single import SINGLE

KEPT = "<!-- written by hand from here on -->"
"""What stands below this line in the file stays."""

_HEAD = """\
# Reliability

A session that outlives its call costs money; a call that outlives its AI leaves a person in dead air. This
page says what is promised and what one run of the tests measured. That run writes it:

    RELIABILITY_TABLE=docs/reliability.md .venv/bin/python -m pytest -n 2 tests/faults

The promises, which `check` in `tests/faults/scene.py` asks after every fault (limits grow with
`TEST_TIME_FACTOR` on slow machines; the line *Measured* names it if there was one):

| promise | limit | held by |
|---|---|---|
| after the end of a call, by whatever fault, the AI's side counts no open session | 2 s | every row |
| the call is over at the far end, too | 5 s | every row without \\* |
| the SIP stack was killed (-9), so that no BYE can be sent: the session ends | 2 s | rows with \\* |
| ... RTP stops at once: the last packet arrives | 0.5 s after the kill | rows with \\* |
| ... and the leg ends by the far end's RTP timeout | 3 s in the tests | rows with \\* |
| everywhere else RTP stops with the leg: the last packet arrives | 0.5 s after it | every row without \\* |
| the next call works: AI and callee hear each other | | every row |
| nothing is left: no Baresip, no sound server, no folder with the password | | every row |

*Sessions left*: as the AI's side counts them. *Session after the call*, *far end after the call*: seconds
that a session was open, and that the far end took the call for alive, after its end. *Seconds to silence*:
from the fault to the last RTP packet that the far end received; where a call survives the fault, the rest of
that call is in it. *n/a*: the fault cannot exist on this engine. *-*: there is nothing to measure.

"""
_COLUMNS = (
    "fault",
    "engine",
    "sessions left",
    "session after the call",
    "far end after the call",
    "seconds to silence",
    "verdict",
    "test",
)
_VERDICTS = {"passed": "held", "failed": "BROKEN", "skipped": "NOT RUN"}


def write(target: str, rows: Iterable[dict[str, Any]]) -> None:
    """Replace the table in this file; `rows` are what the tests recorded."""
    path = Path(target)
    old = path.read_text() if path.exists() else ""
    kept = KEPT + old.partition(KEPT)[2] if KEPT in old else ""
    measured = f"Measured {machine()}.\n\n"
    table = [_line(row) for row in rows if "fault" in row]
    table += [
        _row(fault.name, engine, *["n/a"] * 4, f"n/a: {why}", "")
        for fault in SINGLE
        for engine, why in fault.not_on.items()
    ]
    head = _row(*_COLUMNS) + _row(*("---" for _ in _COLUMNS))
    path.write_text(_HEAD + measured + head + "".join(sorted(table)) + ("\n" + kept if kept else ""))


def machine() -> str:
    """When, of which commit, on what."""
    git = ["git", "describe", "--always", "--dirty"]
    ran = subprocess.run(git, capture_output=True, text=True, cwd=Path(__file__).parent, check=False)
    commit = ran.stdout.strip() or "unknown"
    system = f"{_baresip()}Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()}"
    slow = f", deadlines times {SLOW:g}" if SLOW != 1 else ""
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {commit}, {system} {platform.machine()}{slow}"


def _baresip() -> str:
    """The version of the installed one, which the engine `baresip` runs."""
    if shutil.which("baresip") is None:
        return ""
    usage = subprocess.run(["baresip", "-h"], capture_output=True, text=True, check=False)
    version = parse_version(usage.stdout + usage.stderr)
    return f"Baresip {version}, " if version else ""


def _line(row: dict[str, Any]) -> str:
    star = " \\*" if row.get("stack_killed") else ""
    told = (str(row.get(name, "?")) for name in ("left", "session", "leg", "silence"))
    verdict = _VERDICTS[row["outcome"]] + (f" ({row['note']})" if "note" in row else "")
    return _row(row["fault"] + star, row["engine"], *told, verdict, PurePath(row["test"].split("::")[0]).stem)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"
