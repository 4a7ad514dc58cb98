"""The SIP account and the stack configuration of the embedded phone. Pure, given baresip-python."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..core.words import phrase
from ..ports import PhoneError
from . import sip_tls

if TYPE_CHECKING:
    from baresip import Account, Config

_CODECS = {"opus": "opus/48000/2", "g722": "G722/16000/1", "pcma": "PCMA", "pcmu": "PCMU"}
"""What the stack holds, by the names of `SIP_CODECS`."""

CODECS = ("g722", "opus", "pcma", "pcmu")
"""16 kHz first: it is what agents hear and speak, without the cost of 48 kHz."""

NO_JITTER_BUFFER = (0, 0)
"""Nobody here plays what is received: an agent takes it as it comes, and the ear has a buffer of its own. All
that the stack's would do is put packets back in order that overtook each other; without it, the overtaken one
is dropped. With it, audio comes later by its length, and a far side whose RTP time or sequence jumps within
one SSRC would not be heard again for minutes, or ever (Baresip 4.9, `src/jbuf.c`)."""


@dataclass(frozen=True, slots=True)
class EmbeddedLine:
    """`domain` may carry a port. `outbound`: proxy, `sip:` URI or host. `listen`: `host:port`, `""` lets the
    stack choose. `jitter_ms`: shortest and longest delay of what is received, for reordering. `packet_ms`:
    audio in an RTP packet, as we ask for it. `rtp_timeout`: seconds, 0 is never. `max_calls` counts both
    directions; further incoming ones get 486."""

    user: str
    domain: str
    password: str = field(default="", repr=False)
    auth_user: str = ""
    outbound: str = ""
    register: bool = True
    listen: str = ""
    codecs: tuple[str, ...] = CODECS
    rtp_timeout: int = 30
    jitter_ms: tuple[int, int] = NO_JITTER_BUFFER
    packet_ms: int = 20
    reliable_provisional: bool = True
    max_calls: int = 32

    def account(self) -> Account:
        """The stack's account; raises `PhoneError`."""
        from baresip import Account

        if any(char in self.password for char in '"\\'):
            raise PhoneError(
                phrase(
                    "The SIP password holds a double quote or a backslash, which the embedded phone cannot "
                    "carry: change it at the provider, or set CONSOLE_ENGINE=baresip."
                )
            )
        sip_tls.check_proxy(self.outbound)
        unknown = [name for name in self.codecs if name.lower() not in _CODECS]
        if unknown:
            raise PhoneError(
                phrase(
                    "SIP_CODECS: {unknown!r} is not one of {codecs}.",
                    unknown=unknown[0],
                    codecs=", ".join(_CODECS),
                )
            )
        try:
            return Account(
                user=self.user,
                domain=self.domain,
                password=self.password,
                registrar=self.outbound or None,
                reg_interval=600 if self.register else 0,
                audio_codecs=tuple(_CODECS[name.lower()] for name in self.codecs),
                auth_user=self.auth_user or None,
                extra_params=(
                    f"100rel={'yes' if self.reliable_provisional else 'no'}",
                    "call_transfer=no",
                    f"ptime={self.packet_ms}",
                ),
            )
        except (ValueError, TypeError) as error:
            raise PhoneError(phrase("The SIP account cannot be used: {error}.", error=error)) from None

    def config(self) -> Config:
        """The stack's configuration; raises `PhoneError`. No driver but the one in memory: no local tones."""
        from baresip import Config

        low, high = self.jitter_ms
        kind = "fixed" if high else "off"
        lines = [f"audio_jitter_buffer_type {kind}", f"audio_jitter_buffer_ms {low}-{high}"]
        lines += sip_tls.verification()
        address = self.address()
        if address:
            lines.append(f"sip_listen {address[0]}:{address[1]}")
        interface = address[0] if address and address[0] != "0.0.0.0" else None
        try:
            return Config(
                net_interface=interface,
                max_concurrent_calls=self.max_calls,
                rtp_timeout=self.rtp_timeout,
                expose_headers=("From",),
                sip_trace=True,  # read by sip_trace alone
                extra_config_text="\n".join(lines) + "\n",
            )
        except (ValueError, TypeError) as error:
            raise PhoneError(phrase("The phone cannot be configured: {error}.", error=error)) from None

    def address(self) -> tuple[str, int] | None:
        """Where to listen; None leaves it to the stack, which would skip the loopback interface."""
        if self.listen:
            host, _, port = self.listen.rpartition(":")
            if not _is_address(host) or not (port.isascii() and port.isdigit() and int(port) < 65536):
                raise PhoneError(
                    phrase(
                        "SIP_LISTEN={listen!r} is not an IPv4 address and port, as 192.0.2.1:5060.",
                        listen=self.listen,
                    )
                )
            return host, int(port)
        return ("127.0.0.1", 0) if _is_loopback(self.outbound or self.domain) else None


def _is_address(host: str) -> bool:
    try:
        return isinstance(ipaddress.ip_address(host), ipaddress.IPv4Address)
    except ValueError:
        return False


def _is_loopback(place: str) -> bool:
    host = place.removeprefix("sip:").partition(";")[0].rpartition("@")[2].partition(":")[0]
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)
