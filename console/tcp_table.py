"""The TCP sockets of this machine as the kernel lists them, so that nothing has to be connected to. Linux
only; source: proc_net_tcp(5)."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path

from .core.words import phrase

_ESTABLISHED, _LISTEN = "01", "0A"


@dataclass(frozen=True, slots=True)
class Socket:
    """One socket; `peer` is None while it listens. `inode` 0: nobody holds it any more."""

    host: str
    port: int
    peer: tuple[str, int] | None
    uid: int
    inode: int

    @property
    def is_public(self) -> bool:
        """It listens where other machines may reach it."""
        return not ipaddress.ip_address(self.host).is_loopback


@dataclass(frozen=True, slots=True)
class Process:
    """`command`: the words of its command line."""

    pid: int
    name: str
    command: tuple[str, ...]
    program: str

    @property
    def label(self) -> str:
        """Its name and number, for people."""
        return phrase("{name} (process {pid})", name=self.name, pid=self.pid)

    @property
    def is_console(self) -> bool:
        """It is a Call Console, of whatever folder."""
        words = [word.rpartition("/")[2] for word in self.command[:3]]
        return "call-console" in words or ["-m", "console"] in (words[1:3], words[:2])


def read(proc: Path = Path("/proc")) -> tuple[Socket, ...] | None:
    """Listening and established sockets; None where there is no such list."""
    lines: list[str] = []
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            lines += (proc / "net" / name).read_text().splitlines()[1:]
    if not lines and not (proc / "net" / "tcp").exists():
        return None
    return tuple(found for line in lines if (found := _socket(line)))


def listeners(sockets: tuple[Socket, ...], port: int) -> tuple[Socket, ...]:
    return tuple(s for s in sockets if s.peer is None and s.port == port)


def clients(sockets: tuple[Socket, ...], port: int) -> tuple[tuple[str, int], ...]:
    """The far ends of the connections to this local port."""
    return tuple(s.peer for s in sockets if s.peer is not None and s.port == port)


def other_users(sockets: tuple[Socket, ...], host: str, port: int, user: int) -> frozenset[int]:
    """Who else of this machine is connected to that place: user ids, without `user` and root."""
    ends = (s.uid for s in sockets if s.peer == (host, port) and s.inode)
    return frozenset(uid for uid in ends if uid not in (0, user))


def owner(socket: Socket, proc: Path = Path("/proc")) -> Process | None:
    """The process that holds it, if we may see that."""
    if not socket.inode:
        return None
    wanted = f"socket:[{socket.inode}]"
    for folder in proc.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(_link(entry) == wanted for entry in (folder / "fd").iterdir()):
                return process(int(folder.name), proc)
    return None


def client_process(sockets: tuple[Socket, ...], client: tuple[str, int], proc: Path) -> Process | None:
    """The process at the other end of a connection inside this machine."""
    near = next((s for s in sockets if s.peer is not None and (s.host, s.port) == client), None)
    return owner(near, proc) if near else None


def process(pid: int, proc: Path = Path("/proc")) -> Process | None:
    try:
        name = (proc / str(pid) / "comm").read_text().strip()
        command = (proc / str(pid) / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return None
    words = tuple(word.decode("utf-8", "replace") for word in command)
    return Process(
        pid, re.sub(r"[^\w.:+-]", "", name) or phrase("a program"), words, _link(proc / str(pid) / "exe")
    )


def _link(path: Path) -> str:
    with contextlib.suppress(OSError):
        return os.readlink(path)
    return ""


def _socket(line: str) -> Socket | None:
    fields = line.split()
    try:
        local, remote, state, uid, inode = fields[1], fields[2], fields[3], int(fields[7]), int(fields[9])
        host, port = _address(local)
        peer = _address(remote) if state == _ESTABLISHED else None
    except (IndexError, ValueError):
        return None
    return Socket(host, port, peer, uid, inode) if state in (_LISTEN, _ESTABLISHED) else None


def _address(text: str) -> tuple[str, int]:
    """`0100007F:115C`: 32-bit words in the byte order of the machine; all that Linux is likely to run on here
    are little-endian."""
    host, _, port = text.partition(":")
    raw = bytes.fromhex(host)
    words = b"".join(raw[i : i + 4][::-1] for i in range(0, len(raw), 4))
    address = ipaddress.ip_address(words)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(address), int(port, 16)
