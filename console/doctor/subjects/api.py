"""The port of the HTTP API."""

from __future__ import annotations

import errno
import os
import socket

from ... import tcp_table
from ...core.finding import warning
from ...core.system_errors import system_error
from ...core.words import phrase
from ...settings.values import Address
from ..checking import Context, Result, check


@check("api")
def look(context: Context) -> Result:
    address = context.settings.api
    if address is None:
        return Result(facts=("off",))
    number = _bind(address)
    if number == 0:
        return Result(facts=(phrase("{address} is free", address=address),))
    if number != errno.EADDRINUSE:
        unusable = warning(
            "api.address",
            phrase(
                "CONSOLE_API={address} cannot be used: {error}.",
                address=address,
                error=system_error(OSError(number, os.strerror(number))),
            ),
            phrase("Set CONSOLE_API to an address of this machine and a port above 1023, or to off."),
        )
        return Result((unusable,))
    sockets = context.sockets or ()
    process = next(
        (tcp_table.owner(s, context.proc) for s in tcp_table.listeners(sockets, address.port)), None
    )
    if process is not None and process.is_console:
        has_it = phrase(
            "{address} is the running console's (process {pid})", address=address, pid=process.pid
        )
        return Result(facts=(has_it,))
    if process is None and context.held_by:
        return Result(facts=(phrase("{address} is taken, as by the console that runs", address=address),))
    taken = warning(
        "api.port-taken",
        phrase(
            "CONSOLE_API={address} is taken by {process}: the console has no API.",
            address=address,
            process=process.label if process else phrase("another program"),
        ),
        phrase(
            "End that program, or set CONSOLE_API={other} or off.",
            other=Address(address.host, address.port + 1),
        ),
    )
    return Result((taken,))


def _bind(address: Address) -> int:
    """0, or the error number of a bind."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((address.host, address.port))
        except OSError as error:
            return error.errno or errno.EINVAL
    return 0
