"""A TCP proxy between the console and a far end, which breaks on demand in the ways that networks do."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Link:
    """One connection through the proxy."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.near, self.far = near, far
        self.frozen = False

    def reset(self) -> None:
        """RST to both ends."""
        for writer in (self.near, self.far):
            sock = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            writer.transport.abort()


class TcpProxy:
    """Listens on a free port of 127.0.0.1. `target`: where it leads, which may change. `delay`: seconds that
    every piece of data is held back, each way. `links`: the connections that live."""

    def __init__(self, target: tuple[str, int] = ("", 0)) -> None:
        self.target = target
        self.delay = 0.0
        self.links: list[Link] = []
        self.accepted = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Start to listen, on the same port as before."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """From now on nobody listens; connections that live go on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def close(self) -> None:
        await self.refuse()
        self.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def reset(self) -> None:
        for link in tuple(self.links):
            link.reset()

    def freeze(self) -> None:
        """What lives now carries nothing any more, either way, and only ends are passed on."""
        for link in self.links:
            link.frozen = True

    def inject(self, data: bytes) -> None:
        """Toward the console, between what the far end says."""
        for link in self.links:
            link.near.write(data)

    async def _accept(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.accepted += 1
        try:
            far_reader, far = await asyncio.open_connection(*self.target)
            link = Link(near, far)
            self.links.append(link)
            try:
                await self._carry(link, reader, far_reader)
            finally:
                self.links.remove(link)
                far.close()
        except OSError:
            Link(near, near).reset()
        except asyncio.CancelledError:
            pass  # the proxy closes; asyncio.start_server would log this
        finally:
            near.close()
            self._tasks.discard(task)

    async def _carry(self, link: Link, near: asyncio.StreamReader, far: asyncio.StreamReader) -> None:
        both = [
            asyncio.create_task(self._pump(link, near, link.far)),
            asyncio.create_task(self._pump(link, far, link.near)),
        ]
        try:
            await asyncio.gather(*both)
        except OSError:
            link.reset()
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _pump(self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A half-closed connection stays so; a reset one raises."""
        while data := await reader.read(65536):
            if self.delay:
                await asyncio.sleep(self.delay)
            if not link.frozen:
                writer.write(data)
                await writer.drain()
        if link.frozen:
            link.reset()
        if writer.can_write_eof() and not writer.is_closing():
            writer.write_eof()
