"""The line's registrar: digest authentication, and where each user is (RFC 3261 sections 10 and 22)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable

from .sip_messages import Headers, Request, Response, address, credentials, parameters, parse_uri, respond
from .transactions import Address

REALM = "demo-line"
LONGEST = 3600
"""Seconds a registration may last."""


class Registrar:
    """`passwords` by user; empty: everybody is let in. `now` gives seconds."""

    def __init__(self, passwords: dict[str, str], now: Callable[[], float]) -> None:
        self._passwords, self._now = passwords, now
        self._nonces: dict[str, float] = {}
        self._contacts: dict[str, tuple[str, Address, float]] = {}

    def __repr__(self) -> str:
        return f"Registrar(users={sorted(self._passwords)}, registered={sorted(self._contacts)})"

    def find(self, user: str) -> tuple[str, Address] | None:
        """Contact URI and address of a registered user."""
        uri, source, until = self._contacts.get(user, ("", ("", 0), 0.0))
        return (uri, source) if uri and until > self._now() else None

    def users(self) -> tuple[str, ...]:
        return tuple(user for user in self._contacts if self.find(user))

    def admit(self, request: Request, *, proxy: bool = False) -> Response | None:
        """None when the request may pass, else the challenge or refusal. `proxy`: 407 as for INVITE."""
        if not self._passwords:
            return None
        header = "proxy-authorization" if proxy else "authorization"
        given = credentials(request.get(header))
        if not given:
            return self._challenge(request, proxy)
        if self._nonces.get(given.get("nonce", ""), 0.0) < self._now():
            return self._challenge(request, proxy, stale=True)
        password = self._passwords.get(given.get("username", ""))
        if password is None or not _matches(given, request.method, password):
            return respond(request, 403, to_tag=secrets.token_hex(6))
        return None

    def register(self, request: Request, source: Address) -> Response:
        """Take up or drop the binding of an admitted REGISTER; the 200 lists what holds now."""
        uri = parse_uri(address(request.get("to")))
        user = uri.user if uri else ""
        contact = request.get("contact")
        seconds = _expires(request, contact)
        if contact == "*" or seconds == 0:
            self._contacts.pop(user, None)
        elif contact:
            self._contacts[user] = (address(contact), source, self._now() + seconds)
        held = self._contacts.get(user)
        headers: Headers = (("contact", f"<{held[0]}>;expires={int(held[2] - self._now())}"),) if held else ()
        return respond(request, 200, to_tag=secrets.token_hex(6), headers=headers)

    def _challenge(self, request: Request, proxy: bool, stale: bool = False) -> Response:
        now = self._now()
        self._nonces = {nonce: until for nonce, until in self._nonces.items() if until > now}
        nonce = secrets.token_hex(16)
        self._nonces[nonce] = now + 600
        value = f'Digest realm="{REALM}", nonce="{nonce}", algorithm=MD5, qop="auth"' + (
            ", stale=true" if stale else ""
        )
        status, name = (407, "proxy-authenticate") if proxy else (401, "www-authenticate")
        return respond(request, status, to_tag=secrets.token_hex(6), headers=((name, value),))


def _expires(request: Request, contact: str) -> int:
    text = parameters(contact).get("expires") or request.get("expires") or str(LONGEST)
    return min(int(text), LONGEST) if text.isascii() and text.isdigit() else LONGEST


def _matches(given: dict[str, str], method: str, password: str) -> bool:
    """RFC 2617 section 3.2.2, with and without qop."""
    first = _md5(f"{given.get('username')}:{given.get('realm')}:{password}")
    second = _md5(f"{method}:{given.get('uri')}")
    middle = given.get("nonce", "")
    if given.get("qop"):
        middle += f":{given.get('nc')}:{given.get('cnonce')}:{given['qop']}"
    expected = _md5(f"{first}:{middle}:{second}")
    return hmac.compare_digest(expected.encode(), given.get("response", "").encode())


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
