"""What is given to a command: a number or SIP URI, and variables for the agent."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..core.numbers import Judgement, Verdict, judge, judge_uri
from ..core.words import joined, phrase
from ..settings.loading import Loaded, Settings
from .talking import tell
from .which_line import fail

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")

_VERDICTS = {
    Verdict.OK: phrase("may be dialed"),
    Verdict.CONFIRM: phrase("may be dialed; the screen asks twice"),
    Verdict.REFUSED: phrase("refused"),
    Verdict.INCOMPLETE: phrase("incomplete"),
}


def is_uri(number: str) -> bool:
    return "@" in number or number.strip().lower().startswith(("sip:", "sips:"))


def read(settings: Settings, number: str) -> Judgement:
    """The number or URI as these settings read it."""
    from ..records.calls import NEVER_CALL, load_never_call

    never, _ = load_never_call(settings.data_dir / NEVER_CALL, settings.dial_region)
    e164 = settings.dial_format == "e164"
    if is_uri(number):
        return judge_uri(number, settings.sip_domain, settings.dial_region, e164, never)
    return judge(number, settings.dial_region, settings.sip_domain, e164, never)


def lines(seen: Judgement) -> Iterator[str]:
    """What `check dial` prints of it."""
    number = joined("  ", filter(None, (seen.display or "-", seen.label)))
    verdict = joined(": ", filter(None, (_VERDICTS[seen.verdict], seen.why)))
    yield phrase("read as  {number}", number=number)
    yield phrase("SIP URI  {uri}", uri=seen.uri or phrase("none"))
    yield phrase("verdict  {verdict}", verdict=verdict)


NOT_PLACED = phrase("Nothing was dialed: --place dials it and hangs up at the first response.")


def may_be_dialed(loaded: Loaded, number: str) -> None:
    """Exit 2 with the reason unless it may; say what a screen would ask about."""
    seen = read(loaded.settings, number)
    if not seen.may_dial:
        whole = seen.why.endswith(".")
        raise fail(seen.why if whole else phrase("{number!r}: {why}.", number=number, why=seen.why))
    if seen.verdict is Verdict.CONFIRM:
        tell(phrase("note: {text}", text=seen.why))


def variables(given: list[str]) -> tuple[tuple[str, str], ...]:
    """From `name=value`; exits with 2 where it is something else."""
    pairs = []
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not _VARIABLE.fullmatch(name):
            raise fail(
                phrase(
                    "--var wants name=value, with a name of letters, digits and _: {name!r} is none.",
                    name=name[:40],
                )
            )
        pairs.append((name, value))
    return tuple(pairs)
