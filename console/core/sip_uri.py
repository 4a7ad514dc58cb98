"""The SIP URIs that the console dials: a strict part of RFC 3261 section 19.1.

No password, headers, escapes or unusual parameters; so nothing but the one target can be meant, and nothing
can end the command that carries the URI.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from .words import phrase

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOSTPORT = re.compile(
    rf"(?:{_LABEL}(?:\.{_LABEL}){{0,10}}|\[[0-9A-Fa-f:.]{{2,45}}\])(?::(?P<port>[0-9]{{1,5}}))?"
)
USER = re.compile(r"[A-Za-z0-9_.!~*+#-]{1,64}")
_PARAMETERS = re.compile(r"(?:;transport=(?:udp|tcp|tls)|;user=(?:phone|ip)){0,2}", re.IGNORECASE)
_SHAPE = re.compile(r"(?P<scheme>sips?):(?P<user>[^@]*)@(?P<host>[^;?]*)(?P<rest>.*)", re.IGNORECASE)

ODD_NAME = phrase("The name in a SIP URI may have letters, digits and _ . ! ~ * + # - only.")
_ODD_SHAPE = phrase("A SIP URI looks like sip:name@host or sip:name@host:port.")
_ODD_HOST = phrase(
    "The host of a SIP URI is a name or an address with an optional port, like sip.example.org:5060."
)
_ODD_REST = phrase(
    "Of what may follow the host of a SIP URI only ;transport= and ;user= are dialed, and no headers."
)


@dataclass(frozen=True, slots=True)
class SipUri:
    """`host` carries the port, `parameters` their semicolons. `str()` gives the URI as it is dialed."""

    scheme: str
    user: str
    host: str
    parameters: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}:{self.user.replace('#', '%23')}@{self.host}{self.parameters}"


def valid_domain(domain: str) -> bool:
    """Whether `domain` is a host name or address with an optional port from 1 to 65535."""
    match = _HOSTPORT.fullmatch(domain)
    return match is not None and (match["port"] is None or 0 < int(match["port"]) <= 65535)


def is_foreign_address(hostport: str) -> bool:
    """Whether this is an IP address, with or without a port, of another machine; a name is none."""
    host = hostport[1:].partition("]")[0] if hostport.startswith("[") else hostport.partition(":")[0]
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse(text: str) -> tuple[SipUri | None, str]:
    """The URI in `text` (`sip:`, `sips:` or without a scheme), or None and a sentence why it is none."""
    match = _SHAPE.fullmatch(text if re.match(r"[A-Za-z]+:", text) else f"sip:{text}")
    if not match:
        return None, _ODD_SHAPE
    if not USER.fullmatch(match["user"]):
        return None, ODD_NAME
    if not valid_domain(match["host"]):
        return None, _ODD_HOST
    if not _PARAMETERS.fullmatch(match["rest"]):
        return None, _ODD_REST
    return SipUri(match["scheme"].lower(), match["user"], match["host"], match["rest"].lower()), ""
