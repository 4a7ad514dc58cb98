"""What a command says to whoever runs it, in their language; what is for programs goes through unchanged."""

from __future__ import annotations

import typer

from ..language import shown, tr

_YES = {"y", "yes", "д", "да"}


def say(text: str) -> None:
    """A line on stdout."""
    typer.echo(shown(text))


def tell(text: str) -> None:
    """A line on stderr."""
    typer.echo(shown(text), err=True)


def ask(question: str) -> bool:
    """Ask on stderr, for scripts may read stdout. Anything but a yes, and nobody there to answer, is a no."""
    typer.echo(tr("{question} [y/N]: ", question=question), nl=False, err=True)
    try:
        return input().strip().lower() in _YES
    except (EOFError, KeyboardInterrupt):
        typer.echo(err=True)
        return False
