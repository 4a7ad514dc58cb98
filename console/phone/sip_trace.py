"""What the embedded stack puts on the wire, read from its SIP trace: that a call is over.

The stack reports the end of a call only when the call's audio threads have stopped, up to 40 ms after the
BYE. Its 200 to that BYE leaves at once, and only for a BYE of a dialog that it knows (RFC 3261 section
15.1.2), so nothing is surer. The trace holds credentials: it is read here and goes nowhere else.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Callable, Iterator

_LOGGER = "baresip.native.sip"
_BYE_ANSWERED = re.compile(r"TX [^\n]*\nSIP/2\.0 200 ")
_CSEQ_BYE = re.compile(r"^CSeq[ \t]*:[ \t]*\d+[ \t]+BYE[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_CALL_ID = re.compile(r"^(?:Call-ID|i)[ \t]*:[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)


def ended_call(trace: str) -> str | None:
    """The SIP Call-ID when these are one message of the trace and it accepts a BYE."""
    if not _BYE_ANSWERED.match(trace) or not _CSEQ_BYE.search(trace):
        return None
    call_id = _CALL_ID.search(trace)
    return call_id[1] if call_id else None


@contextlib.contextmanager
def told_of_ends(ended: Callable[[str], object]) -> Iterator[None]:
    """Inside, `ended` is called with the SIP Call-ID of each call that the far side ends, on a thread of the
    stack; nobody else gets the trace."""
    logger, reader = logging.getLogger(_LOGGER), _Reader(ended)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(reader)
    try:
        yield
    finally:
        logger.removeHandler(reader)


class _Reader(logging.Handler):
    def __init__(self, ended: Callable[[str], object]) -> None:
        super().__init__()
        self._ended = ended

    def emit(self, record: logging.LogRecord) -> None:
        if call_id := ended_call(record.getMessage()):
            self._ended(call_id)
