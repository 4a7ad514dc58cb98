"""Sentences of the other parts say what is wrong and how to mend it; a finding keeps the two apart."""

from __future__ import annotations

from ..core.words import altered


def halves(sentence: str, otherwise: str) -> tuple[str, str]:
    """(`what is wrong.`, `What to do.`) out of `what is wrong: what to do.`; `otherwise`: the remedy of a
    sentence that names none."""
    if _cut(sentence) is None:
        return sentence, otherwise
    return altered(sentence, _what), altered(sentence, _remedy)


def _cut(sentence: str) -> tuple[str, str] | None:
    for mark in (": ", "; "):
        what, _, remedy = sentence.partition(mark)
        if " " in what and " " in remedy:
            return what, remedy
    return None


def _what(sentence: str) -> str:
    cut = _cut(sentence)
    return f"{cut[0]}." if cut else sentence


def _remedy(sentence: str) -> str:
    remedy = (_cut(sentence) or ("", sentence))[1]
    end = "" if remedy.endswith((".", "?")) else "."
    return f"{remedy[:1].upper()}{remedy[1:]}{end}"
