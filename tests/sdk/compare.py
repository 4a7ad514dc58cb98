"""The same scripted sessions through the official SDK and through the console's client, and a table of both:

python -m tests.sdk.compare [--write FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from console.demo.conversation.script import Setup
from console.demo.conversation_server import ConversationServer
from tests.sdk.scenarios import SCENARIOS, SLOW, Scenario, Seat
from tests.sdk.task import KEY, Task, Told

CLIENTS = ("official", "ours")
PATIENCE = 8.0
_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Verdict:
    right: bool
    observed: str


async def play(scenario: Scenario, client: str) -> Verdict:
    """One scenario with one client, in a process of its own against a server of its own."""
    task = Task(**scenario.task)
    async with ConversationServer(_setup(scenario)) as server:
        task.url = server.url
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"tests.sdk.{client}", json.dumps(asdict(task))),
            cwd=_ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            told = await _told(process.stdout, task)
            await _settled(server)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
        try:
            right, observed = scenario.judge(Seat(told, server.record))
        except LookupError:
            right, observed = False, f"no conversation: {told.said[:80]}"
    return Verdict(right, observed)


def _setup(scenario: Scenario) -> Setup:
    return Setup(agents={"agent": scenario.script}, api_key=KEY, open_timeout=120.0, close_timeout=60.0)


async def _told(output: asyncio.StreamReader, task: Task) -> Told:
    """What the client tells; nothing when it hangs."""
    limit = (task.seconds or 15.0) * task.starts + task.ring + PATIENCE * SLOW
    try:
        async with asyncio.timeout(limit):
            line = await output.readline()
    except TimeoutError:
        return Told(said="the client hangs")
    return Told(**json.loads(line)) if line else Told(said="the client broke")


async def _settled(server: ConversationServer) -> None:
    """Until no conversation is open; a client that does not let go is not waited for for ever."""
    for _ in range(round(PATIENCE * SLOW / 0.02)):
        if all(seen.closed is not None for seen in server.record.conversations):
            return
        await asyncio.sleep(0.02)


async def compare() -> list[tuple[Scenario, Verdict, Verdict]]:
    rows = []
    for scenario in SCENARIOS:
        official, ours = [await play(scenario, client) for client in CLIENTS]
        rows.append((scenario, official, ours))
        print(f"{scenario.check:>4}  {scenario.what}: {_cell(official)} | {_cell(ours)}", file=sys.stderr)
    return rows


def _cell(verdict: Verdict) -> str:
    said = verdict.observed.replace("|", "/").replace("\n", " ")
    return f"{'ok' if verdict.right else '**FAILS**'}: {said}"


def table(rows: list[tuple[Scenario, Verdict, Verdict]]) -> str:
    lines = [
        f"| check | what happens | official SDK (`elevenlabs` {version('elevenlabs')}) | Call Console |",
        "|---|---|---|---|",
    ]
    for scenario, official, ours in rows:
        lines.append(f"| {scenario.check} | {scenario.what} | {_cell(official)} | {_cell(ours)} |")
    failed = sum(not official.right for _, official, _ in rows), sum(not ours.right for *_, ours in rows)
    lines += [
        "",
        f"{len(rows)} scenarios: the official SDK fails in {failed[0]}, Call Console in {failed[1]}.",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.sdk.compare", description=__doc__)
    parser.add_argument("--write", default="", help="a file whose table is replaced")
    options = parser.parse_args()
    rows = asyncio.run(compare())
    text = table(rows)
    print(text)
    if options.write:
        path = Path(options.write)
        head, _, _ = path.read_text("utf-8").partition(f"\n{MARK}\n")
        path.write_text(f"{head}\n{MARK}\n\n{text}\n", "utf-8")
    sys.exit(any(not ours.right for *_, ours in rows))


MARK = "## One run"

if __name__ == "__main__":
    main()
