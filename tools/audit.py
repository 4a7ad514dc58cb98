"""Looks every locked package up among the known vulnerabilities (pip-audit). What could not be looked up is
no pass: it prints NOT AUDITED. Exit 1 only when a vulnerability is known."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LOCK = Path("requirements.lock")
FOLDER = Path("build/audit")
PROGRAM = "pip-audit==2.10.1"
SECONDS = 90
"""For all of it: a source that does not answer must not hold up a test run."""


def main() -> int:
    answer = ask()
    if isinstance(answer, str):
        print(f"NOT AUDITED: {answer}")
        return 0
    lines, found = verdict(answer)
    print("\n".join(lines))
    return 1 if found else 0


def ask() -> dict[str, Any] | str:
    """What pip-audit says of the locked packages, or why it says nothing."""
    program = FOLDER / "bin" / "pip-audit"
    lock = ("--requirement", str(LOCK), "--require-hashes", "--disable-pip")
    try:
        if not program.exists():
            subprocess.run([sys.executable, "-m", "venv", str(FOLDER)], check=True, timeout=SECONDS)
            install = [str(FOLDER / "bin" / "python"), "-m", "pip", "install", "--quiet", PROGRAM]
            subprocess.run(install, check=True, timeout=SECONDS, capture_output=True, text=True)
        done = subprocess.run(
            [str(program), *lock, "--format", "json", "--progress-spinner", "off", "--timeout", "10"],
            timeout=SECONDS,
            capture_output=True,
            text=True,
        )
        answer = json.loads(done.stdout)
    except subprocess.CalledProcessError as error:
        return f"{PROGRAM} could not be installed: {_last_line(error.stderr)}"
    except subprocess.TimeoutExpired:
        return f"no answer within {SECONDS} s"
    except OSError as error:
        return f"{PROGRAM} could not be run: {error.strerror}"
    except ValueError:
        return f"the source of known vulnerabilities did not answer: {_last_line(done.stderr)}"
    if not isinstance(answer, dict) or not answer.get("dependencies"):
        return "the answer was empty"
    return answer


def verdict(answer: dict[str, Any]) -> tuple[list[str], bool]:
    """The answer in lines, and whether a vulnerability is known."""
    packages = answer["dependencies"]
    skipped = [package for package in packages if package.get("skip_reason")]
    faulty = [package for package in packages if package.get("vulns")]
    lines = [
        f"VULNERABLE: {package['name']} {package['version']}: {fault['id']}"
        + (f", mended in {', '.join(fault['fix_versions'])}" if fault.get("fix_versions") else "")
        for package in faulty
        for fault in package["vulns"]
    ]
    if skipped:
        names = ", ".join(package["name"] for package in skipped[:5])
        more = f" and {len(skipped) - 5} more" if len(skipped) > 5 else ""
        why = skipped[0]["skip_reason"].partition(":")[0]
        lines.append(f"NOT AUDITED: {len(skipped)} of {len(packages)} packages: {names}{more} ({why})")
    looked_up = len(packages) - len(skipped)
    if looked_up:
        lines.append(f"audited: {looked_up} packages, {len(faulty)} of them with a known vulnerability")
    return lines, bool(faulty)


def _last_line(text: str | None) -> str:
    lines = (text or "").strip().splitlines()
    return lines[-1][:200] if lines else "no word of why"


if __name__ == "__main__":
    sys.exit(main())
