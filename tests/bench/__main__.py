"""How fast the console is, beside a bare exchange of the same bytes and beside the official SDK.

    python -m tests.bench                                       everything
    python -m tests.bench --only answer --engine embedded       one part, one engine
    python -m tests.bench --only delay,interruption --quick     fewer of everything, for while one works
    python -m tests.bench --json FILE --write docs/performance.md

Tables on stdout, progress on stderr. Exit 1 when something could not be measured; a goal that is missed is a
result, not a failure.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

from tests.bench import floor, machine, report
from tests.bench.bench import ENGINES, Bench
from tests.bench.parts import PARTS, measure
from tests.bench.rows import Row


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", default="", help=f"some of {','.join(PARTS)}")
    parser.add_argument("--engine", default=",".join(ENGINES), help="some of " + ",".join(ENGINES))
    parser.add_argument("--quick", action="store_true", help="fewer of everything")
    parser.add_argument("--long", action="store_true", help="ten minutes of audio in the part `quality`")
    parser.add_argument("--json", default="", help="write the rows to this file")
    parser.add_argument("--write", default="", help="write the tables into this document")
    options = parser.parse_args()
    options.parts = _some(parser, "--only", options.only, tuple(PARTS)) or tuple(PARTS)
    options.engines = _some(parser, "--engine", options.engine, ENGINES)
    return options


def _some(
    parser: argparse.ArgumentParser, option: str, given: str, known: tuple[str, ...]
) -> tuple[str, ...]:
    names = tuple(name for name in given.split(",") if name)
    if unknown := [name for name in names if name not in known]:
        parser.error(f"{option} {unknown[0]} is none of {', '.join(known)}")
    return names


def run(options: argparse.Namespace, folder: Path) -> tuple[dict[str, Any], list[Row], dict[str, str]]:
    """About the run, the rows of the floor and of each part, and why a part is missing."""
    about = machine.about()
    about["kind"] = "Quick" if options.quick else "Long" if options.long else ""
    bench = Bench(folder, options.quick, options.long, options.engines)
    began = time.monotonic()
    bench.say("floor")
    rows = asyncio.run(floor.measure(bench))
    missing: dict[str, str] = {}
    for name in options.parts:
        bench.say(f"{name} ({time.monotonic() - began:.0f} s so far)")
        try:
            rows += asyncio.run(_measure(name, bench))
        except Exception as error:
            traceback.print_exc()
            missing[name] = f"{type(error).__name__}: {error}".replace("\n", " ")[:300]
    about["versions"].update(bench.versions)
    about["seconds"] = time.monotonic() - began
    return about, rows, missing


async def _measure(name: str, bench: Bench) -> list[Row]:
    return await measure(name)(bench)


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="console-bench-") as folder:
        about, rows, missing = run(options, Path(folder))
    text = report.markdown(about, rows, missing)
    print(text)
    if options.json:
        Path(options.json).write_text(report.as_json(about, rows, missing), "utf-8")
    if options.write:
        report.write(Path(options.write), text)
    sys.exit(bool(missing))


if __name__ == "__main__":
    main()
