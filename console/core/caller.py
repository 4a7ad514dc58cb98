"""Who calls, as the operator knows them: the number or name in a caller's SIP URI. Pure.

What a network writes there is read more kindly than what may be dialed: with parameters, escapes and ports,
as a `tel:` URI (RFC 3966), or in brackets. Calling back dials what is read here, judged like any number.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from .numbering_plan import e164_of, parse
from .numbers import without_separators
from .text import clean

WITHHELD = "anonymous"
"""The number of callers who hide theirs (RFC 3323 section 4.1.1.3); it cannot be called back."""

_URI = re.compile(r"[^<]*<?\s*(?:sips?|tel):(?P<user>[^@>?]*)(?:@(?P<host>[^;>?]*))?", re.IGNORECASE)
_PORT = re.compile(r":[0-9]+$")
_DIGITS = re.compile(r"\+?[0-9]{3,32}")


def known_number(peer: str, region: str) -> str:
    """E.164 if the URI holds a public number, in whatever form of `region`; else `name@host`, or the whole
    text when it is no URI."""
    found = _URI.match(peer)
    if found is None:
        return peer
    user = clean(unquote(re.split("[;:]", found["user"])[0]), 100)
    host = _PORT.sub("", found["host"] or "").lower()
    if user.lower() == WITHHELD or host.endswith(".invalid"):
        return WITHHELD
    return _public(user, region) or (f"{user}@{host}" if user and host else user or host or peer)


def dialed_as_uri(number: str) -> bool:
    """Whether this number of a call is dialed again as a SIP name, and not as a telephone number."""
    return not number.startswith("+")


def known_name(name: str, number: str, region: str) -> str:
    """The display name, unless it only repeats the number, as networks do that know no name."""
    return "" if name.strip().lower() == number.lower() or _public(name, region) == number else name


def _public(text: str, region: str) -> str:
    digits = without_separators(text)
    number = parse(digits, region) if _DIGITS.fullmatch(digits) else None
    return e164_of(number) if number is not None else ""
