"""Who may use the API: the same user on this machine without more ado, everybody else with the token.

That a request comes from this machine proves nothing by itself: other users, and web pages in the operator's
own browser, can send one too. So the owner of the peer's socket is looked up, and what browsers tell of a
page (Host, Origin, Sec-Fetch-Site) must not speak of another site.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from console.settings.values import Address

from .errors import ApiError

_ESTABLISHED = "01"
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_SAFE = ("GET", "HEAD")

End = tuple[str, int]
"""One end of a TCP connection: address and port."""


def socket_owner(peer: End, ours: End, folder: Path = Path("/proc/net")) -> int | None:
    """The user id that owns the socket at the other end of a connection inside this machine.

    Linux only; None when it cannot be told. Source: proc_net_tcp(5). Sockets that nobody holds any more
    (closed or in TIME_WAIT) are listed as root's: only an established one with an inode counts.
    """
    if sys.platform != "linux":
        return None
    try:
        wanted = (_as_listed(peer), _as_listed(ours))
        owner = _listed_owner(folder, wanted)
        # While other sockets come and go, one listing may leave this one out.
        return _listed_owner(folder, wanted) if owner is None else owner
    except (OSError, ValueError):
        return None


def _listed_owner(folder: Path, wanted: tuple[frozenset[str], frozenset[str]]) -> int | None:
    for name in ("tcp", "tcp6"):
        path = folder / name
        if not path.exists():
            continue
        for line in path.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1] in wanted[0] and fields[2] in wanted[1]:
                known = fields[3] == _ESTABLISHED and fields[9] != "0"
                return int(fields[7]) if known else None
    return None


def _as_listed(end: End) -> frozenset[str]:
    """An end as `tcp` and `tcp6` list it: 32-bit words of the machine's byte order in hexadecimal."""
    host, port = end
    forms = [_address(host).packed]
    if len(forms[0]) == 4:
        forms.append(bytes(10) + b"\xff\xff" + forms[0])
    return frozenset(f"{_words(packed)}:{port:04X}" for packed in forms)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address as a socket names it; an IPv4 one that came to an IPv6 socket is an IPv4 one."""
    parsed = ipaddress.ip_address(host.partition("%")[0])
    return getattr(parsed, "ipv4_mapped", None) or parsed


def _words(packed: bytes) -> str:
    words = (packed[at : at + 4] for at in range(0, len(packed), 4))
    return "".join(f"{int.from_bytes(word, sys.byteorder):08X}" for word in words)


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from. `owner`: the user id of its socket, known only inside a Linux machine."""

    host: str
    owner: int | None

    @property
    def name(self) -> str:
        """Whom a rate limit counts: a user of this machine, else an address (IPv6: its network)."""
        if self.owner is not None:
            return f"user {self.owner}"
        try:
            parsed = _address(self.host)
        except ValueError:
            return self.host
        bits = 64 if parsed.version == 6 and not parsed.is_loopback else parsed.max_prefixlen
        return str(ipaddress.ip_network((parsed, bits), strict=False))


@dataclass(frozen=True, slots=True)
class Access:
    """The rules for an API at `address`, bound to loopback or not. `user`: who needs no token there."""

    address: Address
    loopback: bool
    user: int
    token: str = field(default="", repr=False)

    def caller(self, peer: End | None, ours: End | None) -> Caller:
        if peer is None or ours is None or not self.loopback:
            return Caller(peer[0] if peer else "", None)
        return Caller(peer[0], socket_owner(peer, ours))

    def check_site(self, method: str, headers: Mapping[str, str]) -> None:
        """Raises `ApiError` for what a web page of another site sends (DNS rebinding, forged requests)."""
        host = headers.get("host", "")
        if not self._is_ours(_without_port(host)):
            raise ApiError(421, "wrong_host", f"The Host header must name this address: {self.address}.")
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in (f"http://{host.lower()}", f"https://{host.lower()}"):
            raise ApiError(403, "wrong_origin", "Web pages of other sites may not use this API.")
        site = headers.get("sec-fetch-site", "none")
        navigates = method in _SAFE and headers.get("sec-fetch-mode") == "navigate"
        if site not in ("none", "same-origin") and not navigates:
            raise ApiError(403, "wrong_origin", "Web pages of other sites may not use this API.")

    def check_caller(self, caller: Caller, headers: Mapping[str, str]) -> None:
        """Raises `ApiError` unless the caller is the same user on this machine or has the token."""
        # What came through a proxy is the proxy's connection and somebody else's request.
        if caller.owner == self.user and not any(name in headers for name in _FORWARDED):
            return
        scheme, _, given = headers.get("authorization", "").partition(" ")
        known = hmac.compare_digest(given.strip().encode(), self.token.encode())
        if self.token and known and scheme.lower() == "bearer":
            return
        raise ApiError(401, "unauthorized", self._who_may(), {"WWW-Authenticate": "Bearer"})

    def _who_may(self) -> str:
        if self.token:
            return "Send the token: Authorization: Bearer CONSOLE_API_TOKEN."
        return "Only the user who runs the console may, until CONSOLE_API_TOKEN is set for others."

    def _is_ours(self, name: str) -> bool:
        """Whether a Host header may say this name. On loopback none that others can point at this machine;
        beyond it nobody gets far without the token, which browsers do not send by themselves."""
        name = name.lower()
        if name in ("localhost", self.address.host.lower()):
            return True
        try:
            literal = ipaddress.ip_address(name)
        except ValueError:
            own = socket.gethostname().lower().partition(".")[0]
            return not self.loopback and name.partition(".")[0] == own
        return literal.is_loopback if self.loopback else True


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if ":" in host else host
