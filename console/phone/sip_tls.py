"""SIP over TLS: only to a server whose certificate is verified, else the account is better not used."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

import certifi

from ..core import sip_uri
from ..core.words import phrase
from ..ports import PhoneError
from .baresip_version import Version

_TLS = re.compile(r"(?:sips:.*|.*;transport=tls(?:;.*)?)", re.IGNORECASE)


def asks_for_tls(uri: str) -> bool:
    """Whether requests to this SIP URI travel over TLS."""
    return _TLS.fullmatch(uri) is not None


def verification() -> tuple[str, ...]:
    """Config lines by which Baresip 1.1 and newer verify a server against the certificates that this machine
    trusts (`SSL_CERT_FILE` where it is set)."""
    trusted = ssl.get_default_verify_paths().cafile or certifi.where()
    quoted = f'"{trusted}"' if " " in trusted else trusted
    lines = (f"sip_cafile\t\t{quoted}",) if Path(trusted).is_file() else ()
    return (*lines, "sip_verify_server\tyes")  # without the file every server is refused


def check_proxy(outbound: str, version: Version | None = None) -> None:
    """Raise `PhoneError` when calls would go over TLS to whoever answers. `version`: of a Baresip of our own;
    None: the embedded phone."""
    if not asks_for_tls(outbound):
        return
    if version is not None and not version.verifies_tls:
        raise PhoneError(
            phrase(
                "SIP_OUTBOUND asks for TLS, and Baresip {version} cannot verify the server: set "
                "CONSOLE_ENGINE=embedded, or install Baresip 1.1 or newer.",
                version=version,
            )
        )
    if sip_uri.is_foreign_address(outbound.partition(":")[2].partition(";")[0]):
        raise PhoneError(
            phrase(
                "SIP_OUTBOUND asks for TLS to an address: Baresip verifies only names, so anybody with a "
                "certificate could answer; put the name of the server there."
            )
        )


def why_failed(outbound: str, reason: str) -> str:
    """The stack's words for a failed registration; over TLS they do not say that the certificate is meant."""
    if asks_for_tls(outbound) and "protocol error" in reason.lower():
        return phrase("TLS failed: the certificate of the server is not valid, or not trusted here")
    return reason
