"""Ports that nobody uses right now."""

from __future__ import annotations

import random
import socket

_OFFERED = range(20_001, 32_768)
"""Above Baresip's RTP ports, and below those that systems give to connections: whoever is told of a port here
still finds it free a moment later."""


def free_tcp_port(host: str) -> int:
    """A TCP port on which nobody listens at `host`."""
    for port in random.sample(_OFFERED, 50):
        if is_free(host, port):
            return port
    with _bound(host, 0, socket.SOCK_STREAM) as sock:
        return int(sock.getsockname()[1])


def free_sip_port(host: str) -> int:
    """A port that is free for UDP and TCP, and the next one for TLS."""
    for _ in range(50):
        port = free_tcp_port(host)
        if port < 65535 and is_free(host, port, socket.SOCK_DGRAM) and is_free(host, port + 1):
            return port
    return free_tcp_port(host)


def is_free(host: str, port: int, kind: int = socket.SOCK_STREAM) -> bool:
    """Whether the port can be bound."""
    try:
        _bound(host, port, kind).close()
    except OSError:
        return False
    return True


def _bound(host: str, port: int, kind: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    if kind == socket.SOCK_STREAM:
        # Connections that ended a moment ago do not count; a listener still does.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock
