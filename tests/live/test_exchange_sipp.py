"""The demo exchange judged by somebody else's SIP: sipp's own caller scenario, whose exit status is 0 only if
every dialogue went as it expects.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.demo.child import Child
from console.phone.free_port import free_sip_port
from tests.live.conftest import need, scaled
from tests.phone_rig import NUMBERS, start_exchange

pytestmark = pytest.mark.live


@pytest.fixture
def line() -> Iterator[Child]:
    child = start_exchange(pace=0.1, password="")
    yield child
    child.stop()


async def test_thirty_calls_of_a_foreign_caller(line: Child, tmp_path: Path) -> None:
    need("sipp")
    command = ["sipp", "-sn", "uac", "-i", "127.0.0.1", "-mi", "127.0.0.1", "-s", NUMBERS["Echo"], "-nostdin"]
    command += ["-p", str(free_sip_port("127.0.0.1")), "-mp", str(free_sip_port("127.0.0.1"))]
    command += ["-m", "30", "-r", "30", "-d", "1000", "-timeout", str(scaled(40)), "-timeout_error"]
    process = await asyncio.create_subprocess_exec(
        *command,
        line.lines[0]["sip"],
        cwd=tmp_path,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        env=os.environ | {"TERM": "dumb"},
    )
    async with asyncio.timeout(scaled(60)):
        assert await process.wait() == 0
    assert line.wait_for(
        lambda: [x["by"] for x in line.lines if x["event"] == "ended"] == ["phone"] * 30, scaled(5)
    )
