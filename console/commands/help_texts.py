"""Help and complaints of the command line in the operator's language: Typer itself speaks English only."""

from __future__ import annotations

import re
import sys
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from ..core.recall import recalled
from ..core.words import msgid, phrase
from ..language import shown, tr

_HEADINGS = {
    "Arguments:": phrase("Arguments:"),
    "Options:": phrase("Options:"),
    "Commands:": phrase("Commands:"),
}
_REMARKS = {
    "Show this message and exit.": phrase("Show this message and exit."),
    "[required]": phrase("[required]"),
}
_PLACES = (msgid("[OPTIONS]"), msgid("COMMAND [ARGS]..."))
_COMPLAINTS = (
    msgid("Got unexpected extra argument(s) ({arguments})"),
    msgid("Invalid value for {name}: {why}"),
    msgid("Missing argument {name}."),
    msgid("Missing command."),
    msgid("Missing option {name}."),
    msgid("No such command {name}. Did you mean {near}?"),
    msgid("No such command {name}."),
    msgid("No such option: {name} (Possible options: {near})"),
    msgid("No such option: {name}"),
    msgid("Option {name} does not take a value."),
    msgid("Option {name} requires an argument."),
    msgid("Input should be a valid integer, unable to parse string as an integer"),
    msgid("Input should be greater than or equal to {least}"),
)
"""Everything that Typer says of arguments such as ours; the first that fits counts."""


class _Spoken:
    """What a command and a group of commands say of themselves."""

    def get_help(self, ctx: Any) -> str:
        _translate(self)
        return _lines(super().get_help(ctx))  # type: ignore[misc]

    def get_usage(self, ctx: Any) -> str:
        _translate(self)
        return _lines(super().get_usage(ctx))  # type: ignore[misc]

    def get_short_help_str(self, limit: int = 45) -> str:
        _translate(self)
        return str(super().get_short_help_str(limit))  # type: ignore[misc]


class Command(_Spoken, TyperCommand):
    pass


class Group(_Spoken, TyperGroup):
    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command line and exit."""
        try:
            code = super().main(*args, **{**extra, "standalone_mode": False})
        except TyperException as error:
            _complain(error)
            code = error.exit_code
        except typer.Abort:
            code = 1
        sys.exit(code or 0)


def _translate(command: Any) -> None:
    """A command is made anew for each run: its texts may become those of the operator's language."""
    for part in (command, *command.params):
        for name in ("help", "metavar", "options_metavar", "subcommand_metavar"):
            text = getattr(part, name, None)
            if text:
                setattr(part, name, tr(text))


def _lines(text: str) -> str:
    return "\n".join(_line(line) for line in text.split("\n"))


def _line(line: str) -> str:
    if line in _HEADINGS:
        return shown(_HEADINGS[line])
    if line.startswith("Usage: "):
        return tr("Usage: {usage}", usage=re.sub(r"\{(\S+)\}", r"\1", line.removeprefix("Usage: ")))
    line = line.replace(" <str>", " " * len(" <str>"))  # says nothing to people
    for english, words in _REMARKS.items():
        line = line.replace(english, shown(words))
    return line


def _complain(error: TyperException) -> None:
    context = getattr(error, "ctx", None)
    if context is not None:
        typer.echo(context.get_usage(), err=True)
        hint = tr("Try '{command} --help' for help.", command=context.command_path)
        typer.echo(f"{hint}\n", err=True)
    why = recalled(error.format_message(), _COMPLAINTS)
    typer.echo(tr("Error: {why}", why=why), err=True)
