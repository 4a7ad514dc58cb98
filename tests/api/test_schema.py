"""What `/openapi.json` promises is what the API does: schemathesis asks it all manner of things."""

from __future__ import annotations

import subprocess
from pathlib import Path
from sys import executable
from typing import Any

import pytest

from console.api.limits import Limits


@pytest.mark.timeout(300)
def test_the_api_keeps_to_its_schema(open_api: Any, tmp_path: Path) -> None:
    # How large a body may be is no matter of the schema.
    api = open_api(single_call=False, limits=Limits(burst=100_000, body=10_000_000))
    run = (executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run")
    bounds = ("--phases", "examples,coverage,fuzzing", "-n", "20", "--seed", "1")
    # The stream never ends; and no schema can say which numbers are dialed.
    but = ("--exclude-path", "/api/events", "--exclude-checks", "positive_data_acceptance")
    nowhere = ("--generation-database", "none")
    done = subprocess.run(
        (*run, f"{api.server.url}/openapi.json", *bounds, *but, *nowhere),
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    crashes = [r for _, r in api.console.feed.after(0) if r.fields.get("source") == "api"]
    assert not crashes
