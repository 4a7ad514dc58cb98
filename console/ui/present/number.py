"""The number being typed, and a record opened for details, in words."""

from __future__ import annotations

from console.core.effects import Record
from console.core.numbers import Judgement, Verdict
from console.language import shown, tr
from console.ui.options import Offer

from .keys import Key
from .words import Row, Span, Tone, sentence


def number_rows(
    text: str, seen: Judgement, enter: Key, offer: Offer | None = None, flat: bool = False
) -> tuple[Row, ...]:
    """The field with its cursor, how the number is read (or who answers it on a built-in line), and what
    Enter would do. `flat`: in two rows, the reading beside the field."""
    field = Row((Span(text, Tone.STRONG), Span("▏", Tone.PLAIN)))
    if not text:
        return (field, Row((Span(tr("type a number, or Up"), Tone.DIM),)))
    why = shown(seen.why)
    read = Span(f"{seen.display} {shown(seen.label)}".strip())
    said = enter.brief or enter.why
    if enter.enabled and said:
        said = tr("dials, but {why}", why=said)
    does = [sentence(f"Enter: {said}", Tone.WARN)] if said else []
    match seen.verdict:
        case Verdict.OK:
            does = does or [sentence(tr("Enter dials"), Tone.GOOD)]
        case Verdict.CONFIRM:
            read = Span(why, Tone.WARN)
            does = does or [sentence(tr("Enter, Enter dials"), Tone.WARN)]
        case Verdict.REFUSED:
            return (field, sentence(why, Tone.BAD))
        case _:
            read = Span(why, Tone.DIM)
    if offer is not None and seen.verdict is Verdict.OK:
        name = shown(offer.name)
        read = Span(name if flat else f"{name}: {shown(offer.does)}")
    if not flat:
        return (field, Row((read,), wraps=True), *does)
    if seen.verdict is Verdict.CONFIRM:
        return (Row(field.left, does[0].left), Row((read,), wraps=True))
    return (Row(field.left, (read,)), *does)


def record_rows(record: Record | None, when: str) -> tuple[Row, ...]:
    """Everything a record holds."""
    if record is None:
        return (sentence(tr("l, then Up and Down: an entry's details stand here"), Tone.DIM),)
    fields = {"time": tr("{when}  (t {t:.3f} s)", when=when, t=record.t), "type": record.type}
    if record.call is not None:
        fields["call"] = record.call
    fields |= {name: str(value) for name, value in record.fields.items() if value not in (None, "")}
    return tuple(
        Row((Span(f"{name}  ", Tone.DIM), Span(value)), wraps=True) for name, value in fields.items()
    )
