"""Sentences of the other parts say what is wrong and how to mend it; a finding keeps the two apart."""

from __future__ import annotations


def halves(sentence: str, otherwise: str) -> tuple[str, str]:
    """(`what is wrong.`, `What to do.`) out of `what is wrong: what to do.`; `otherwise`: the remedy of a
    sentence that names none."""
    for mark in (": ", "; "):
        what, found, remedy = sentence.partition(mark)
        if found and " " in what and " " in remedy:
            end = "" if remedy.endswith((".", "?")) else "."
            return f"{what}.", f"{remedy[:1].upper()}{remedy[1:]}{end}"
    return sentence, otherwise
