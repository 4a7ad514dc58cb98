"""Another user of the machine at the control port of our own Baresip, which takes orders from everybody."""

from __future__ import annotations

import asyncio
import os
import shutil
from typing import Any

import pytest

from console.core.events import LineDown, LineUp
from console.phone.ctrl_line import CtrlLine
from console.tcp_table import Socket, other_users

pytestmark = [pytest.mark.live, pytest.mark.timeout(90)]
NOBODY = 65534

# Connects again whenever it is thrown out, and dials each time.
INTRUDER = """
import socket, time
order = '{"command":"dial","params":"sip:anna@127.0.0.1:9","token":"t"}'
while True:
    try:
        link = socket.create_connection(("127.0.0.1", PORT), timeout=5)
        link.sendall(f"{len(order)}:{order},".encode())
        while link.recv(4096):
            pass
    except OSError:
        time.sleep(0.02)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT RUN: only root can act as another user")
@pytest.mark.skipif(not shutil.which("python3", path="/usr/bin"), reason="NOT RUN: needs /usr/bin/python3")
async def test_another_user_does_not_keep_the_phone(start_phone: Any) -> None:
    phone = await start_phone()
    line = phone.phone._line
    assert isinstance(line, CtrlLine)
    port = line._setup.port
    intruder = await asyncio.create_subprocess_exec(
        "/usr/bin/python3", "-c", INTRUDER.replace("PORT", str(port)), user=NOBODY, group=NOBODY, cwd="/"
    )
    try:
        down = await phone.told.expect(LineDown, gone=True, deadline=30)
        assert "another user of this machine" in down.reason
    finally:
        intruder.kill()
        await intruder.wait()
    await phone.told.expect(LineUp, deadline=30)


def test_who_else_is_connected() -> None:
    def end(uid: int, peer: tuple[str, int] | None, inode: int = 7) -> Socket:
        return Socket("127.0.0.1", 50000, peer, uid, inode)

    there = ("127.0.0.1", 4444)
    sockets = (
        end(1000, there),
        end(0, there),
        end(1001, there),
        end(1002, ("127.0.0.1", 80)),
        end(1003, None),
    )
    assert other_users((*sockets, end(1004, there, inode=0)), *there, 1000) == {1001}
    assert other_users((), *there, 1000) == frozenset()
