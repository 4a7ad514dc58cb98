"""From the text of one setting to its value. Each parser raises `ValueError` with the end of a sentence that
begins with the variable's name; none of them quotes a secret."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from urllib.parse import urlsplit

import phonenumbers

from ..core import sip_uri
from ..core.text import clean
from ..core.words import phrase

CODECS = ("opus", "g722", "pcma", "pcmu")
_SIP_USER = re.compile(r"[A-Za-z0-9_.!~*+-]{1,64}")
_OUTBOUND = re.compile(
    r"(?:sips?:)?(?P<host>[^;?@]+)(?P<rest>(?:;transport=(?:udp|tcp|tls)|;lr)*)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port. `str()` gives `host:port`."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def text(value: str) -> str:
    """One printable line."""
    if not value.isprintable():
        raise ValueError(phrase("has characters that cannot be printed: type it again by hand"))
    return value


def secret(value: str) -> str:
    """Any printable text; never quoted."""
    return text(value)


def token(value: str) -> str:
    """A key or an id: one word of ASCII characters."""
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError(phrase("must be one word without spaces: copy it again"))
    return value


_YES, _NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0")


def yes_no(value: str) -> bool:
    return _switch(value, phrase("must be yes or no, not {value!r}", value=clean(value, 40)))


def on_off(value: str) -> bool:
    return _switch(value, phrase("must be on or off, not {value!r}", value=clean(value, 40)))


def _switch(value: str, otherwise: str) -> bool:
    if value.lower() not in (*_YES, *_NO):
        raise ValueError(otherwise)
    return value.lower() in _YES


def one_of(*choices: str) -> Callable[[str], str]:
    """A parser for one of some words."""
    either = reduce(lambda first, last: phrase("{first} or {last}", first=first, last=last), choices)

    def parse(value: str) -> str:
        if value.lower() not in choices:
            raise ValueError(
                phrase("must be {choices}, not {value!r}", choices=either, value=clean(value, 40))
            )
        return value.lower()

    return parse


def whole(least: int, most: int, unit: str) -> Callable[[str], int]:
    """A parser for a whole number."""

    def parse(value: str) -> int:
        if not (value.isascii() and value.isdigit() and len(value) < 10 and least <= int(value) <= most):
            raise ValueError(
                phrase(
                    "must be a whole number of {unit} from {least} to {most}, not {value!r}",
                    unit=unit,
                    least=least,
                    most=most,
                    value=clean(value, 40),
                )
            )
        return int(value)

    return parse


def milliseconds_range(value: str) -> tuple[int, int]:
    """`min-max`, or 0 for none."""
    match = re.fullmatch(r"([0-9]{1,4})\s*-\s*([0-9]{1,4})", "0-0" if value == "0" else value)
    if not match or not 0 <= int(match[1]) <= int(match[2]) <= 1000:
        raise ValueError(
            phrase(
                "must be min-max in milliseconds up to 1000, like 40-120, not {value!r}",
                value=clean(value, 40),
            )
        )
    return int(match[1]), int(match[2])


def packet_ms(value: str) -> int:
    """Of audio in a packet: what RFC 3551 section 4.2 leaves to choose, in the steps that codecs can do."""
    if value not in ("10", "20", "30", "40", "60"):
        raise ValueError(
            phrase("must be 10, 20, 30, 40 or 60 milliseconds, not {value!r}", value=clean(value, 40))
        )
    return int(value)


def address(value: str) -> Address:
    """`host:port`."""
    match = re.fullmatch(
        r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9.-]+)):(?P<port>[0-9]{1,5})", value
    )
    if not match or not 0 < int(match["port"]) <= 65535:
        raise ValueError(
            phrase("must be host:port, like 127.0.0.1:4444, not {value!r}", value=clean(value, 40))
        )
    return Address(match["six"] or match["host"], int(match["port"]))


def ip_address(value: str) -> Address:
    """`host:port` with an address, not a name."""
    parsed = address(value)
    try:
        ipaddress.ip_address(parsed.host)
    except ValueError:
        raise ValueError(
            phrase(
                "must be an IP address and a port, like 127.0.0.1:5071, not {value!r}", value=clean(value, 40)
            )
        ) from None
    return parsed


def address_or_off(value: str) -> Address | None:
    return None if value.lower() == "off" else address(value)


def sip_user(value: str) -> str:
    if "@" in value or value.lower().startswith("sip:"):
        raise ValueError(phrase("must be only the name in front of the @, without scheme and domain"))
    if not _SIP_USER.fullmatch(value):
        raise ValueError(
            phrase(
                "must be a SIP user name of letters, digits and _ . ! ~ * + -, not {value!r}",
                value=clean(value, 40),
            )
        )
    return value


def sip_domain(value: str) -> str:
    if value.lower().startswith(("sip:", "sips:", "http")) or "@" in value:
        raise ValueError(
            phrase("must be only a host name or address with an optional port, like sip.exolve.ru")
        )
    if not sip_uri.valid_domain(value):
        raise ValueError(
            phrase(
                "must be a host name or address with an optional port, not {value!r}", value=clean(value, 40)
            )
        )
    return value


def sip_outbound(value: str) -> str:
    """A proxy URI; `sip:` may be left out."""
    match = _OUTBOUND.fullmatch(value)
    if not match or not sip_uri.valid_domain(match["host"]):
        raise ValueError(
            phrase("must be a proxy like sip:80.75.130.100, not {value!r}", value=clean(value, 60))
        )
    rest = match["rest"].lower()
    if value.lower().startswith("sips:") and ";transport=tls" not in rest:
        if ";transport=" in rest:
            raise ValueError(phrase("says sips: and another transport than TLS: drop one"))
        rest = f";transport=tls{rest}"  # the hop to the proxy, which is all that can be meant
    return f"sip:{match['host']}{rest}"


def comma_separated(value: str) -> tuple[str, ...]:
    """Entries without the space around them."""
    entries = (entry.strip() for entry in text(value).split(","))
    return tuple(entry for entry in entries if entry)


def codecs(value: str) -> tuple[str, ...]:
    """Names in order of preference."""
    names = tuple(name.strip().lower() for name in value.split(",") if name.strip())
    unknown = [name for name in names if name not in CODECS]
    if unknown or not names:
        raise ValueError(
            phrase(
                "must be some of {codecs}, not {unknown!r}",
                codecs=", ".join(CODECS),
                unknown=clean(", ".join(unknown), 40),
            )
        )
    if len(set(names)) < len(names):
        raise ValueError(phrase("names a codec twice"))
    return names


def base_url(value: str) -> str:
    """`https://host[:port][/path]` without a trailing slash."""
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError(phrase("must be a URL like https://api.elevenlabs.io"))
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(phrase("must be a plain URL like https://api.elevenlabs.io, without user, ? and #"))
    return value.rstrip("/")


def region(value: str) -> str:
    """An ISO 3166-1 region that has a numbering plan."""
    if value.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(
            phrase("must be a region of two letters like RU or DE, not {value!r}", value=clean(value, 40))
        )
    return value.upper()


def folder(value: str) -> Path:
    path = Path(os.path.expanduser(text(value)))
    if os.path.exists(path) and not os.path.isdir(path):
        raise ValueError(phrase("must be a folder, and {value!r} is none", value=clean(value)))
    return path
