"""What `/openapi.json` promises is what the API does: schemathesis asks it all manner of things."""

from __future__ import annotations

import subprocess
from pathlib import Path
from sys import executable
from typing import Any

import pytest


@pytest.mark.timeout(300)
def test_the_api_keeps_to_its_schema(open_api: Any, tmp_path: Path) -> None:
    api = open_api(single_call=False)
    run = (executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run")
    bounds = ("--phases", "examples,coverage,fuzzing", "-n", "15", "--generation-database", "none")
    # The stream never ends; and no schema can say which numbers are dialed.
    but = ("--exclude-path", "/api/events", "--exclude-checks", "positive_data_acceptance")
    done = subprocess.run(
        (*run, f"{api.server.url}/openapi.json", *bounds, *but), cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    crashes = [r for _, r in api.console.feed.after(0) if r.fields.get("source") == "api"]
    assert not crashes
