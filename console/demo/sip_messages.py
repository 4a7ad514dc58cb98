"""SIP messages as values: parse and serialise (RFC 3261 sections 7, 18.3, 20 and 25). Pure.

`parse` is tolerant: bare LF, folded lines, compact names, commas between values, a wrong Content-Length.
Only what cannot be answered at all is refused with `MalformedSip`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

Headers = tuple[tuple[str, str], ...]

_COMPACT = {
    "i": "call-id",
    "m": "contact",
    "e": "content-encoding",
    "l": "content-length",
    "c": "content-type",
    "f": "from",
    "s": "subject",
    "k": "supported",
    "t": "to",
    "v": "via",
}
_NEEDED = ("via", "from", "to", "call-id", "cseq")
_PHRASES = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    407: "Proxy Authentication Required",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    500: "Server Internal Error",
    603: "Decline",
}
_URI = re.compile(
    r"^sips?:(?:(?P<user>[^@;?]*)@)?(?P<host>\[[^\]]+\]|[^:;?>\s]+)(?::(?P<port>\d{1,5}))?", re.IGNORECASE
)


class MalformedSip(ValueError):
    """The bytes are no SIP message that could be answered; the message says why."""


class _Fields:
    """Access to header fields by name, whatever its case or form."""

    __slots__ = ()
    headers: Headers

    def get(self, name: str) -> str:
        """The first value of this field, `""` when it is absent."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key == wanted), "")

    def every(self, name: str) -> tuple[str, ...]:
        """All values of this field in order."""
        wanted = name.lower()
        return tuple(value for key, value in self.headers if key == wanted)

    @property
    def cseq(self) -> tuple[int, str]:
        """Sequence number and method."""
        number, method = self.get("cseq").split(maxsplit=1)
        return int(number), method.upper()

    @property
    def branch(self) -> str:
        """The branch of the topmost Via: the transaction (RFC 3261 section 17.2.3)."""
        return parameters(self.get("via")).get("branch", "")


@dataclass(frozen=True, slots=True)
class Request(_Fields):
    """`headers`: names in lower case and long form."""

    method: str
    uri: str
    headers: Headers
    body: bytes = b""

    def encode(self) -> bytes:
        return _encode(f"{self.method} {self.uri} SIP/2.0", self.headers, self.body)


@dataclass(frozen=True, slots=True)
class Response(_Fields):
    """`headers`: names in lower case and long form."""

    status: int
    reason: str
    headers: Headers
    body: bytes = b""

    def encode(self) -> bytes:
        return _encode(f"SIP/2.0 {self.status} {self.reason}", self.headers, self.body)


@dataclass(frozen=True, slots=True)
class Uri:
    """A SIP URI without its parameters; `port` is 5060 when it names none."""

    user: str
    host: str
    port: int = field(default=5060)


def parse(data: bytes) -> Request | Response:
    """One datagram into a message; raises `MalformedSip`."""
    head, body = _split_body(data)
    lines = _unfold(head.decode("utf-8", "replace"))
    if not lines:
        raise MalformedSip("empty datagram")
    headers = _parse_headers(lines[1:])
    message = _parse_start(lines[0], headers, _cut(body, headers))
    missing = [name for name in _NEEDED if not message.get(name)]
    if missing:
        raise MalformedSip(f"no {missing[0]} header")
    if not re.fullmatch(r"\d{1,10}\s+\S+", message.get("cseq")):
        raise MalformedSip("CSeq is not a number and a method")
    return message


def respond(
    request: Request,
    status: int,
    *,
    to_tag: str = "",
    headers: Headers = (),
    body: bytes = b"",
    reason: str = "",
) -> Response:
    """The response to a request (RFC 3261 section 8.2.6): Via, From, To, Call-ID and CSeq are its own."""
    to = request.get("to")
    if to_tag and "tag" not in parameters(to):
        to = f"{to};tag={to_tag}"
    copied = tuple(("via", via) for via in request.every("via"))
    same = (
        ("from", request.get("from")),
        ("to", to),
        ("call-id", request.get("call-id")),
        ("cseq", request.get("cseq")),
    )
    return Response(status, reason or _PHRASES.get(status, "Unknown"), copied + same + headers, body)


def parameters(value: str) -> dict[str, str]:
    """The `;name=value` parameters behind a header value, names in lower case, quotes removed.

    Parameters inside `<...>` belong to the URI and are not among them.
    """
    outside = value.rpartition(">")[2] if "<" in value else value.partition(";")[1] + value.partition(";")[2]
    found: dict[str, str] = {}
    for part in outside.split(";")[1:]:
        name, _, text = part.partition("=")
        found.setdefault(name.strip().lower(), text.strip().strip('"'))
    return found


def address(value: str) -> str:
    """The URI of a From, To or Contact value, with or without angle brackets."""
    inside = re.search(r"<([^>]*)>", value)
    return inside.group(1).strip() if inside else value.partition(";")[0].strip()


def parse_uri(text: str) -> Uri | None:
    """A `sip:` URI, or None when it is none; the user part is percent-decoded by nobody."""
    match = _URI.match(text.strip())
    if match is None:
        return None
    port = int(match["port"] or 5060)
    return Uri(match["user"] or "", match["host"].strip("[]"), port) if 0 < port < 65536 else None


def credentials(value: str) -> dict[str, str]:
    """The fields of a Digest challenge or answer (RFC 3261 section 25.1), names in lower case."""
    pairs = re.findall(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))', value)
    return {name.lower(): quoted or plain for name, quoted, plain in pairs}


def _encode(start: str, headers: Headers, body: bytes) -> bytes:
    lines = [start, *(f"{_display(name)}: {value}" for name, value in headers if name != "content-length")]
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _display(name: str) -> str:
    special = {"call-id": "Call-ID", "cseq": "CSeq", "rseq": "RSeq", "www-authenticate": "WWW-Authenticate"}
    return special.get(name) or "-".join(part.capitalize() for part in name.split("-"))


def _split_body(data: bytes) -> tuple[bytes, bytes]:
    ends = [(at, len(mark)) for mark in (b"\r\n\r\n", b"\n\n") if (at := data.find(mark)) >= 0]
    if not ends:
        return data, b""
    at, length = min(ends)
    return data[:at], data[at + length :]


def _unfold(head: str) -> list[str]:
    lines: list[str] = []
    for line in re.split(r"\r?\n", head):
        if line[:1] in (" ", "\t") and lines:
            lines[-1] += " " + line.strip()
        elif line.strip():
            lines.append(line.rstrip())
    return lines


def _parse_headers(lines: list[str]) -> Headers:
    found: list[tuple[str, str]] = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            continue
        key = name.strip().lower()
        key = _COMPACT.get(key, key)
        values = _split_commas(value) if key in ("via", "contact", "require", "supported") else [value]
        found += [(key, text.strip()) for text in values]
    return tuple(found)


def _split_commas(value: str) -> list[str]:
    """Split at commas that stand outside quotes and angle brackets."""
    return [part for part in re.findall(r'(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^,])+', value) if part.strip()]


def _cut(body: bytes, headers: Headers) -> bytes:
    length = next((value for name, value in headers if name == "content-length"), "")
    return body[: int(length)] if length.isascii() and length.isdigit() and len(length) < 10 else body


def _parse_start(line: str, headers: Headers, body: bytes) -> Request | Response:
    status = re.fullmatch(r"SIP/2\.0\s+([1-6]\d\d)(?:\s+(.*))?", line, re.I)
    if status:
        return Response(int(status[1]), (status[2] or "").strip(), headers, body)
    request = re.fullmatch(r"([A-Za-z]+)\s+(\S+)\s+SIP/2\.0", line)
    if request:
        return Request(request[1].upper(), request[2], headers, body)
    raise MalformedSip("the first line is neither a SIP request nor a response")
