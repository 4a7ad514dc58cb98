"""ctrl_tcp, the remote control of Baresip: who listens, who can reach it, who is connected. Found without
connecting, because a connection throws out the client that is there."""

from __future__ import annotations

from ... import tcp_table
from ...core.finding import Finding, problem
from ...core.words import phrase
from ...phone.free_port import is_free
from ...settings.values import Address
from ...tcp_table import Process, Socket
from ..checking import Context, Result, check

USUAL_PORT = 4444


@check("control")
def look(context: Context) -> Result:
    sockets = context.sockets
    if sockets is None:
        return _by_binding(context)
    findings = _strangers(context, sockets)
    ctrl = context.settings.baresip_ctrl
    if not context.external or ctrl is None:
        return Result(
            tuple(findings), () if findings else (phrase("on a free port of this machine, or not needed"),)
        )
    if not context.joins:
        findings += _wished(context, sockets, ctrl)
        return Result(tuple(findings), () if findings else (phrase("{ctrl} is free", ctrl=ctrl),))
    if not ctrl.is_loopback:
        return Result(
            tuple(findings), unknown=(phrase("ctrl_tcp at {ctrl} is on another machine.", ctrl=ctrl),)
        )
    findings += _joined(context, sockets, ctrl)
    return Result(
        tuple(findings),
        () if findings else (phrase("Baresip listens on {ctrl}, for this machine only", ctrl=ctrl),),
    )


def _by_binding(context: Context) -> Result:
    """Where sockets are not listed, only a bind tells whether somebody listens; not who, or for whom."""
    ctrl = context.settings.baresip_ctrl
    if not context.external or ctrl is None or not ctrl.is_loopback:
        return Result()
    free = is_free(ctrl.host, ctrl.port)
    if context.joins and free:
        return Result((_nobody(ctrl),))
    if not context.joins and not free:
        return Result((_taken(ctrl, None),))
    return Result(
        unknown=(phrase("This system does not list who is connected to ctrl_tcp."),) if context.joins else ()
    )


def _strangers(context: Context, sockets: tuple[Socket, ...]) -> list[Finding]:
    """Any Baresip here that takes orders from the network, as the old system had it."""
    own = context.settings.baresip_ctrl
    findings = []
    for port in sorted({USUAL_PORT, own.port if own and context.joins else USUAL_PORT}):
        for socket in tcp_table.listeners(sockets, port):
            process = tcp_table.owner(socket, context.proc)
            ours = context.joins and own is not None and own.port == port
            if socket.is_public and (ours or (process and "baresip" in process.name)):
                findings.append(_public(socket, process))
    return findings


def _public(socket: Socket, process: Process | None) -> Finding:
    return problem(
        "control.public",
        phrase(
            "Anyone on the network can dial: {process} takes orders at {address}.",
            process=process.label if process else "Baresip",
            address=Address(socket.host, socket.port),
        ),
        phrase("Set ctrl_tcp_listen 127.0.0.1:{port} in its config and start it again.", port=socket.port),
    )


def _wished(context: Context, sockets: tuple[Socket, ...], ctrl: Address) -> list[Finding]:
    """BARESIP_CTRL where we start Baresip: the port must be free, unless a console of ours has it."""
    listening = tcp_table.listeners(sockets, ctrl.port)
    if not listening or context.held_by:
        return []
    return [_taken(ctrl, tcp_table.owner(listening[0], context.proc))]


def _taken(ctrl: Address, process: Process | None) -> Finding:
    return problem(
        "control.port-taken",
        phrase(
            "BARESIP_CTRL={ctrl} is taken by {process}.",
            ctrl=ctrl,
            process=process.label if process else phrase("another program"),
        ),
        phrase("Leave BARESIP_CTRL unset (a free port is found), or end that program."),
    )


def _joined(context: Context, sockets: tuple[Socket, ...], ctrl: Address) -> list[Finding]:
    listening = tcp_table.listeners(sockets, ctrl.port)
    if not listening:
        return [_nobody(ctrl)]
    findings = []
    if len({socket.inode for socket in listening}) > 1:
        findings.append(
            problem(
                "control.two",
                phrase(
                    "{count} programs listen on {ctrl}: orders reach one or the other at random.",
                    count=len(listening),
                    ctrl=ctrl,
                ),
                phrase("End all Baresips but one."),
            )
        )
    connected = tcp_table.clients(sockets, ctrl.port)
    if connected and not context.held_by:
        process = tcp_table.client_process(sockets, connected[0], context.proc)
        findings.append(
            problem(
                "control.held",
                phrase(
                    "Baresip at {ctrl} serves one client: {process} is connected to it.",
                    ctrl=ctrl,
                    process=process.label if process else phrase("another program"),
                ),
                phrase("End it before you start the console: each would throw the other out."),
            )
        )
    return findings


def _nobody(ctrl: Address) -> Finding:
    return problem(
        "control.nobody",
        phrase("Nobody listens on {ctrl}, where a running Baresip is to be joined.", ctrl=ctrl),
        phrase(
            "Start Baresip with the module ctrl_tcp, correct BARESIP_CTRL, or leave out BARESIP_START=no."
        ),
    )


def is_held(context: Context) -> bool:
    """Somebody is connected to the Baresip that would be joined, or nobody can tell: do not connect."""
    sockets, ctrl = context.sockets, context.settings.baresip_ctrl
    if sockets is None or ctrl is None or not ctrl.is_loopback:
        return True
    return bool(tcp_table.clients(sockets, ctrl.port))
