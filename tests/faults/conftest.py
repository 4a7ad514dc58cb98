"""`docs/reliability.md` is written by the run: set RELIABILITY_TABLE to the file it shall go to."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.faults import reliability

_rows: list[dict[str, Any]] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Called where the reports of all workers arrive."""
    if report.when == "call" and "tests/faults/" in report.nodeid:
        _rows.append({"test": report.nodeid, "outcome": report.outcome, **dict(report.user_properties)})


def pytest_sessionfinish(session: pytest.Session) -> None:
    target = os.environ.get("RELIABILITY_TABLE")
    if target and not hasattr(session.config, "workerinput"):
        reliability.write(target, _rows)
