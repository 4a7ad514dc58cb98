"""Why a host cannot be reached, in plain words."""

from __future__ import annotations

import errno
import socket
import ssl

from ..core.text import clean
from ..core.words import msgid, phrase

_WORDS = {
    errno.ECONNREFUSED: msgid("nothing listens there, or a firewall refuses"),
    errno.ECONNRESET: msgid("the connection was cut"),
    errno.ECONNABORTED: msgid("the connection was cut"),
    errno.EPIPE: msgid("the connection was cut"),
    errno.EHOSTUNREACH: msgid("there is no way to it from here; check the network"),
    errno.ENETUNREACH: msgid("there is no way to it from here; check the network"),
    errno.ENETDOWN: msgid("there is no way to it from here; check the network"),
    errno.EADDRNOTAVAIL: msgid("there is no way to it from here; check the network"),
    errno.ETIMEDOUT: msgid("it does not answer"),
}

_UNKNOWN_NAMES = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))


def why(error: BaseException) -> str:
    """Half a sentence for an error of a connection; looks into what libraries have wrapped."""
    cause = _cause(error)
    if isinstance(cause, socket.gaierror):
        if cause.errno in _UNKNOWN_NAMES:
            return phrase("DNS knows no such name; check the spelling")
        return phrase("DNS does not answer; check the network")
    if isinstance(cause, ssl.SSLCertVerificationError):
        return phrase("its certificate is not valid ({reason})", reason=clean(cause.verify_message, 80))
    if isinstance(cause, OSError) and cause.errno in _WORDS:
        return phrase(_WORDS[cause.errno])
    said = (isinstance(cause, OSError) and cause.strerror) or str(error)
    return clean(said.rstrip(".")) or type(error).__name__


def _cause(error: BaseException) -> BaseException:
    """The error of the system under others; of several attempts the last."""
    inner = error.__cause__ or error.__context__
    if isinstance(error, BaseExceptionGroup):
        inner = error.exceptions[-1]
    if inner is None or (isinstance(error, OSError) and error.errno is not None):
        return error
    deepest = _cause(inner)
    return deepest if isinstance(deepest, OSError) else error
