"""`config --import DIR`: take over an old set-up into a new `.env`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from ..core import outcome
from ..core.system_errors import system_error
from ..core.words import phrase
from ..settings import env_file, old_setup
from ..settings.loading import VARIABLES

Say = Callable[[str], None]

_PLAIN = re.compile(r"[A-Za-z0-9_.:@/+,;=*!~%^-]+")
_ORDER = {name: place for place, variable in enumerate(VARIABLES) for name in (variable.name, variable.alias)}


def take_over(folder: Path, target: Path, *, force: bool, say: Say, ask: Callable[[str], bool]) -> int:
    """Read the old set-up in `folder`, tell what becomes of it, and write `target`; returns the exit code.
    A file that is there is replaced only with `force` or when `ask` says yes."""
    found = old_setup.read(folder)
    if not found.read:
        say(
            phrase(
                "{folder} is no old set-up: it has neither .env nor {accounts} nor {config}.",
                folder=folder,
                accounts=old_setup.ACCOUNTS,
                config=old_setup.CONFIG,
            )
        )
        return outcome.SETTINGS_WRONG
    for path in found.read:
        say(phrase("read      {path}", path=path))
    for sentence in found.taken:
        say(phrase("taken     {sentence}", sentence=sentence))
    for sentence in found.refused:
        say(phrase("not taken {sentence}", sentence=sentence))
    if not found.values:
        say(phrase("Nothing could be taken over; no file was written."))
        return outcome.SETTINGS_WRONG
    question = phrase("{target} exists. Replace it?", target=target)
    if os.path.lexists(target) and not force and not ask(question):
        say(phrase("{target} was left as it is; --force replaces it.", target=target))
        return outcome.SETTINGS_WRONG
    try:
        write(target, found.values)
    except OSError as error:
        say(phrase("{path} cannot be written: {error}.", path=target, error=system_error(error)))
        return outcome.SETTINGS_WRONG
    say(phrase("Wrote {target} (only you can read it). Next: call-console doctor.", target=target))
    return 0


def write(path: Path, values: Mapping[str, str]) -> None:
    """Write a `.env` that only its owner can read, whole or not at all. Raises `OSError`."""
    lines = [f"{name}={quoted(values[name])}" for name in sorted(values, key=lambda name: _ORDER[name])]
    fresh = path.with_name(f"{env_file.NAME}.new-{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def quoted(text: str) -> str:
    """The value as python-dotenv reads it back."""
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
