"""What the operating system says of an error, in words that can be said in another language."""

from __future__ import annotations

from .words import Words, msgid, phrase

_KNOWN = (
    msgid("Address already in use"),
    msgid("Cannot assign requested address"),
    msgid("Connection refused"),
    msgid("Disk quota exceeded"),
    msgid("File exists"),
    msgid("Input/output error"),
    msgid("Is a directory"),
    msgid("Network is unreachable"),
    msgid("No route to host"),
    msgid("No space left on device"),
    msgid("No such file or directory"),
    msgid("Not a directory"),
    msgid("Operation not permitted"),
    msgid("Permission denied"),
    msgid("Read-only file system"),
    msgid("Too many open files"),
)
"""Those that somebody who installs or runs the console may meet; others are shown in English."""


def system_error(error: OSError) -> Words:
    """Like `error.strerror`: a few words without a full stop."""
    said = error.strerror or str(error) or type(error).__name__
    return phrase(said) if said in _KNOWN else Words(said)
