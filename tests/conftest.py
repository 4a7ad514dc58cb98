"""What all tests share: a patient Hypothesis, and a loud word about every test that did not run."""

import os

import pytest
from hypothesis import HealthCheck, settings

# Tests read English, whatever their machine speaks.
os.environ.update(CONSOLE_LANG="en", LC_ALL="C.UTF-8")

# Busy machines draw slowly; that says nothing about the code.
settings.register_profile(
    "console",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
)
settings.load_profile("console")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    terminalreporter.section(f"{len(skipped)} TESTS DID NOT RUN", sep="!", red=True, bold=True)
    for report in skipped:
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        terminalreporter.line(f"{report.nodeid}: {why.removeprefix('Skipped: ')}", red=True)
