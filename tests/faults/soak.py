"""Long runs: `python -m tests.faults.soak [--minutes 60] [--engine embedded] [--calls 1000] ...`

In one console, one after the other: plain calls (memory, tasks, threads, descriptors and files may not
grow), all pairs of faults in random order, randomly faulted calls. Stops at the time limit, prints the seed,
what was sampled and the curve; exit 1 when something grew or a promise was broken.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import gc
import os
import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from console.demo.conversation.script import Script, Step
from tests.faults.blows import Struck, free, pairs, place, place_all, random_calls
from tests.faults.reliability import machine
from tests.faults.scene import SPEAKS, Scene, staged
from tests.faults.single import EMBEDDED, EXTERNAL

PLAIN = Script(steps=(Step("say", text="Hello", seconds=0.1, hz=500),))
WARM_UP = 60
"""Calls before growth counts: caches fill, the last 50 calls are kept in the state."""

ALLOWED = {"MB": 8.0, "blocks": 6000, "tasks": 6, "threads": 2, "descriptors": 2, "files": 1}
"""How much more there may be at the end than after the warm-up. Tasks: reviews of ended calls."""


@dataclass(frozen=True)
class Sample:
    """What the process holds between two calls. `mb`: resident memory, MiB, without what is free and was not
    given back. `blocks`: of Python's own allocator, which tell a leak from fragments."""

    calls: int
    seconds: float
    mb: float
    blocks: int
    tasks: int
    threads: int
    descriptors: int
    files: int

    def __str__(self) -> str:
        return (
            f"{self.calls:6} {self.seconds:8.0f} {self.mb:8.1f} {self.blocks:8} {self.tasks:6}"
            f" {self.threads:8} {self.descriptors:12} {self.files:6}"
        )


HEADER = " calls  seconds       MB   blocks  tasks  threads  descriptors  files"


def measure(calls: int, seconds: float, folder: Path) -> Sample:
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Sample(
        calls,
        seconds,
        pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
        sys.getallocatedblocks(),
        len(asyncio.all_tasks()),
        threading.active_count(),
        len(os.listdir("/proc/self/fd")),
        sum(1 for path in folder.rglob("*") if path.is_file()),
    )


def grown(samples: list[Sample]) -> list[str]:
    """What grew between the warm-up and the end; a sentence each."""
    settled = [sample for sample in samples if sample.calls >= WARM_UP]
    if len(settled) < 2:
        return []
    first, last = settled[0], settled[-1]
    growth = {
        "MB": last.mb - first.mb,
        "blocks": last.blocks - first.blocks,
        "tasks": last.tasks - first.tasks,
        "threads": last.threads - first.threads,
        "descriptors": last.descriptors - first.descriptors,
        "files": last.files - first.files,
    }
    return [
        f"{name} grew by {more:g} in {last.calls - first.calls} calls (allowed: {ALLOWED[name]:g})"
        for name, more in growth.items()
        if more > ALLOWED[name]
    ]


async def plain_calls(scene: Scene, count: int, until: float) -> list[str]:
    """Answered, a word of the AI, hung up: `count` times in one process."""
    print(f"\n{count} plain calls\n{HEADER}", flush=True)
    began, samples = time.monotonic(), []
    every = max(1, min(50, count // 20))
    for number in range(count + 1):
        if number % every == 0:
            samples.append(measure(number, time.monotonic() - began, scene.folder))
            print(samples[-1], flush=True)
        if number == count or time.monotonic() > until:
            break
        await free(scene)
        end = await place(scene, Struck("Patient", (), 0.35))
        if end is None or end.call.answered_at is None:
            return [f"plain call {number} was not answered"]
        # What this rig keeps is not the console's.
        del scene.updates[:-1]
        del scene.line.lines[1:-20]
        if number % 250 == 249:
            await scene.renew_server()
    print(f"{number} of {count} placed, {(time.monotonic() - began) / max(1, number):.2f} s each", flush=True)
    return grown(samples)


async def faulted(scene: Scene, what: str, calls: list[Struck], until: float) -> list[str]:
    """Returns the promises that were broken."""
    print(f"\n{len(calls)} {what}", flush=True)
    seen = await place_all(scene, calls, until - time.monotonic())
    print(
        f"{seen.placed} of {len(calls)} placed, {seen.answered} answered, {len(seen.broken)} promises broken;"
    )
    print(f"a session was open for at most {seen.longest:.2f} s after the end of its call,")
    print(f"and RTP reached the far end for at most {seen.rtp:.2f} s after the end of its leg", flush=True)
    return list(seen.broken)


async def soak(options: argparse.Namespace) -> int:
    rng = random.Random(options.seed)
    print(machine())
    print(f"seed {options.seed}, engine {options.engine}, at most {options.minutes:g} min", flush=True)
    began = time.monotonic()
    limit = began + 60 * options.minutes
    problems: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        proxy = {"ctrl_proxy": options.engine == EXTERNAL, "RTP_TIMEOUT": "2"}
        async with staged(Path(folder), options.engine, script=PLAIN, **proxy) as scene:
            problems += await plain_calls(scene, options.calls, began + 30 * options.minutes)
            chosen = pairs(options.engine, options.pairs, rng)
            problems += await faulted(scene, "pairs of faults", chosen, limit)
            struck = random_calls(options.engine, options.random, rng)
            problems += await faulted(scene, "randomly faulted calls", struck, limit)
            await free(scene)
            await scene.server.define(SPEAKS)
            await scene.works_again()
    print("\n" + ("\n".join(problems) or "nothing grew"), flush=True)
    return 1 if problems else 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="time limit; plain calls get half of it")
    parser.add_argument("--engine", choices=(EMBEDDED, EXTERNAL), default=EMBEDDED)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--calls", type=int, default=1000, help="plain calls")
    parser.add_argument("--pairs", type=int, default=10**6, help="pairs of faults; all by default")
    parser.add_argument("--random", type=int, default=500, help="randomly faulted calls")
    sys.exit(asyncio.run(soak(parser.parse_args())))


if __name__ == "__main__":
    main()
