"""Text that strangers wrote (SIP reasons, caller names, transcripts), made safe to show and to log."""

from __future__ import annotations

import re
import unicodedata

# Terminal control sequences of ECMA-48 (5.4 CSI, 5.6 control strings), in 7-bit and 8-bit form. A control
# string that never ends is not matched, so that it cannot swallow what follows: its ESC goes with the
# unprintable characters.
_CONTROL_STRING = r"(?:\x1b[PX\]^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
_CSI = r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
_ESCAPE = r"\x1b[ -/]*[0-~]"
_SEQUENCES = re.compile(f"{_CONTROL_STRING}|{_CSI}|{_ESCAPE}")

_MARKS_IN_A_ROW = 3
"""More combining marks on one character serve only to smear over neighbouring lines."""


def clean(text: str, limit: int = 200) -> str:
    """The printable characters of `text` on one line, at most `limit` characters long.

    Terminal sequences are removed whole; controls, format characters (bidirectional ones too), surrogates,
    private and unassigned characters are removed; any white space becomes one space; what is too long ends
    in an ellipsis. Never raises; cleaning twice changes nothing.
    """
    words = "".join(_visible(_SEQUENCES.sub("", text))).split()
    line = " ".join(words)
    if len(line) <= limit:
        return line
    return line[: limit - 1].rstrip() + "…" if limit > 0 else ""


def _visible(text: str) -> list[str]:
    kept: list[str] = []
    marks = 0
    for char in text:
        if char.isspace():
            kept.append(" ")
        elif char.isprintable():
            marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
            if marks <= _MARKS_IN_A_ROW:
                kept.append(char)
    return kept
