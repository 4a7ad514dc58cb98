"""The line's registrar: who may register, and for how long."""

from __future__ import annotations

import hashlib

from console.demo.registrar import Registrar
from console.demo.sip_messages import Request, Response, credentials

SOURCE = ("127.0.0.1", 5071)


def _request(
    method: str = "REGISTER", expires: str = "60", extra: tuple[tuple[str, str], ...] = ()
) -> Request:
    headers = (
        ("via", "SIP/2.0/UDP 127.0.0.1:5071;branch=z1"),
        ("from", "<sip:console@h>;tag=1"),
        ("to", "<sip:console@h>"),
        ("call-id", "c"),
        ("cseq", f"1 {method}"),
        ("contact", "<sip:console-x@127.0.0.1:5071>"),
        ("expires", expires),
    )
    return Request(method, "sip:h", headers + extra)


def _answer(challenge: Response, password: str, method: str = "REGISTER", qop: bool = True) -> str:
    asked = credentials(challenge.get("www-authenticate") or challenge.get("proxy-authenticate"))
    first = _md5(f"console:{asked['realm']}:{password}")
    middle = asked["nonce"] + (":00000001:abc:auth" if qop else "")
    digest = _md5(f"{first}:{middle}:{_md5(f'{method}:sip:h')}")
    more = ', qop=auth, nc=00000001, cnonce="abc"' if qop else ""
    return (
        f'Digest username="console", realm="{asked["realm"]}", nonce="{asked["nonce"]}", uri="sip:h", '
        f'response="{digest}"{more}'
    )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class Clock:
    now = 1000.0


def _registrar() -> tuple[Registrar, Clock]:
    clock = Clock()
    return Registrar({"console": "secret"}, lambda: clock.now), clock


def test_the_right_password_is_admitted_with_and_without_qop() -> None:
    registrar, _ = _registrar()
    challenge = registrar.admit(_request())
    assert challenge is not None
    assert challenge.status == 401
    for qop in (True, False):
        answer = _answer(challenge, "secret", qop=qop)
        assert registrar.admit(_request(extra=(("authorization", answer),))) is None


def test_the_wrong_password_is_refused() -> None:
    registrar, _ = _registrar()
    challenge = registrar.admit(_request())
    assert challenge is not None
    refused = registrar.admit(_request(extra=(("authorization", _answer(challenge, "guess")),)))
    assert refused is not None
    assert refused.status == 403


def test_an_old_nonce_is_stale() -> None:
    registrar, clock = _registrar()
    challenge = registrar.admit(_request())
    assert challenge is not None
    clock.now += 601
    again = registrar.admit(_request(extra=(("authorization", _answer(challenge, "secret")),)))
    assert again is not None
    assert "stale=true" in again.get("www-authenticate")


def test_an_invite_is_challenged_as_by_a_proxy() -> None:
    registrar, _ = _registrar()
    challenge = registrar.admit(_request("INVITE"), proxy=True)
    assert challenge is not None
    assert challenge.status == 407
    answer = _answer(challenge, "secret", "INVITE")
    assert registrar.admit(_request("INVITE", extra=(("proxy-authorization", answer),)), proxy=True) is None


def test_a_registration_lasts_as_long_as_asked_for() -> None:
    registrar, clock = _registrar()
    assert (
        registrar.register(_request(), SOURCE).get("contact") == "<sip:console-x@127.0.0.1:5071>;expires=60"
    )
    assert registrar.find("console") == ("sip:console-x@127.0.0.1:5071", SOURCE)
    clock.now += 61
    assert registrar.find("console") is None
    registrar.register(_request(), SOURCE)
    registrar.register(_request(expires="0"), SOURCE)
    assert registrar.users() == ()


def test_its_repr_keeps_the_password() -> None:
    assert "secret" not in repr(_registrar()[0])
