"""A signal that comes before there is anything to hang up, or to a command that has no end of its own for it:
an end in order that says so, instead of a death without a word."""

from __future__ import annotations

import signal
import sys
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGHUP)

STOPPED = 130
"""As `core.outcome.STOPPED`. Nothing is imported here that takes time."""


_asked = False


def asked() -> bool:
    """Whether a signal has come already. Where Python ignores exceptions, as in `__del__`, ours is lost:
    whoever takes the signals over has to look."""
    return _asked


def watch() -> None:
    """From now on, until somebody else takes the signals over. On the main thread."""
    for number in SIGNALS:
        if signal.getsignal(number) is signal.SIG_DFL:  # else somebody, as nohup, wants it ignored
            signal.signal(number, _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    """Unwinds, so that whatever has been started is ended. A second signal ends the process at once."""
    global _asked
    _asked = True
    for one in SIGNALS:
        signal.signal(one, signal.SIG_DFL)
    try:
        print(f"Stopped by {signal.Signals(number).name}.", file=sys.stderr, flush=True)
    except OSError:
        pass  # the terminal is gone
    raise SystemExit(STOPPED)
