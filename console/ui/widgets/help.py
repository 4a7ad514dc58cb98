"""What every key does and what the words on screen mean, as a page of text."""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import Group
from rich.table import Table
from rich.text import Text

from console.core.words import msgid
from console.language import tr

Entries = tuple[tuple[str, str], ...]

KEYS: tuple[tuple[str, Entries], ...] = (
    # In Russian the letters are followed by those that a Russian layout types on the same keys.
    (
        msgid("NUMBER"),
        (
            (msgid("digits + * #"), msgid("edit the number, from anywhere")),
            ("Enter", msgid("dial; a doubtful number asks for a second Enter")),
            ("Backspace", msgid("one back")),
            ("Delete", msgid("all away")),
            (msgid("Up, Down"), msgid("earlier numbers")),
            (msgid("u"), msgid("a SIP address or name instead")),
            (msgid("paste"), msgid("only ever fills the number")),
        ),
    ),
    (
        msgid("CALL"),
        (
            (msgid("h"), msgid("hang up: never asked about, never refused")),
            ("F8", msgid("the same, from text fields and dialogs too")),
            (msgid("a, x"), msgid("answer, reject an incoming call")),
            (msgid("k"), msgid("five more minutes")),
            (msgid("o"), msgid("ear: listen to both sides, or stop")),
            (msgid("d"), msgid("send digits to the line: a menu, an extension")),
            ("tab", msgid("show the next call, when several go on")),
            (msgid("r"), msgid("register again (not during a call)")),
            ("!", msgid("never call this number again: hangs up, asks once; undoes it, too")),
        ),
    ),
    (
        msgid("THE AI, while its session is LIVE"),
        (
            (msgid("w"), msgid("tell it something the callee does not hear")),
            ("", msgid("Enter: so that it knows")),
            ("", msgid("Ctrl+Enter, or Ctrl+J in any terminal: so that it answers")),
            (msgid("s"), msgid("silence it for 15 s at most; s again lets it speak")),
            (msgid("g"), msgid("it says goodbye and the call ends, within 8 s")),
        ),
    ),
    (
        msgid("TIMELINE"),
        (
            (msgid("l"), msgid("go there; arrows, PageUp, PageDown, Home; End follows again")),
            (msgid("i"), msgid("details of the entry")),
            (msgid("f"), msgid("show one kind, or a word")),
            (msgid("c"), msgid("copy; Shift+Up and Shift+Down select")),
            ("Esc", msgid("leave")),
        ),
    ),
    (
        "",
        (
            ("ctrl+p", msgid("everything the console can do")),
            ("ctrl+q", msgid("quit; asks during a call")),
            ("ctrl+c", msgid("copy what the mouse selected")),
            ("?", msgid("this help")),
        ),
    ),
)

LAYOUT = msgid("Letters work by position on a Russian layout too.")

WORDS: Entries = (
    (
        msgid("NETWORK AUDIO"),
        msgid("ring tone, melody, announcement or voicemail before any answer (a 183); the AI is not opened"),
    ),
    (msgid("ANSWERED"), msgid("picked up; whether by a person or a machine is not known")),
    (msgid("PREPARED"), msgid("all that costs nothing is ready for the AI")),
    (msgid("LIVE"), msgid("the AI is on the line, billed second by second")),
    (msgid("CALL BACK"), msgid("picked up and dropped for want of an AI")),
)


def help_page() -> Group:
    """Titles, keys and words in the language of the screen; long lines wrap beside their key."""
    parts: list[Table | Text] = []
    for title, entries in KEYS:
        parts += [Text(tr(title)), columns(entries), Text("")] if title else [columns(entries)]
    return Group(*parts, Text(tr(LAYOUT)), Text(""), Text(tr("WHAT THE WORDS MEAN")), columns(WORDS))


def columns(entries: Entries, width: int | None = None) -> Table:
    """Keys in a column of `width` cells and what they do; what is given are message ids."""
    page = (*WORDS, *(entry for _, section in KEYS for entry in section))
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, width=width or max(cell_len(tr(key)) for key, _ in page))
    table.add_column(overflow="fold")
    for key, does in entries:
        table.add_row(Text(tr(key)), Text(tr(does)))
    return table
