"""The settings that a command works with, and the line that it holds meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from ..core import outcome
from ..core.words import phrase
from ..settings.loading import Loaded, load, make_folders
from .talking import tell


def fail(*sentences: str) -> typer.Exit:
    """Say what is wrong; what is returned ends the program with exit code 2."""
    for sentence in sentences:
        tell(sentence)
    return typer.Exit(outcome.SETTINGS_WRONG)


def usable() -> Loaded:
    """The settings, if there is nothing wrong with them; else every problem and exit 2."""
    loaded = load(os.environ, Path.cwd())
    for warning in loaded.warnings:
        tell(phrase("warning: {text}", text=warning))
    problems = loaded.problems or make_folders(loaded.settings)
    if problems:
        raise fail(*problems)
    return loaded


def filled_in(loaded: Loaded, wants_agent: bool) -> Loaded:
    """The same settings, if a line (and an agent) is filled in; else what is missing and exit 2."""
    missing = list(loaded.missing)
    if wants_agent and not loaded.settings.agent_id:
        missing.append(phrase("No AI agent is set: fill in ELEVENLABS_AGENT_ID, or add --no-agent."))
    if missing:
        raise fail(*missing)
    return loaded


@contextmanager
def line_to_use(demo: bool, wants_agent: bool) -> Iterator[Loaded]:
    """The settings of the line to use; the demo line runs meanwhile if it is the one."""
    loaded = usable()
    with demo_line(loaded) if demo else own_line(filled_in(loaded, wants_agent)) as line:
        yield line


@contextmanager
def own_line(loaded: Loaded) -> Iterator[Loaded]:
    """Hold the line of the settings, or exit 14."""
    from ..line_lock import LineTaken, line_lock

    with ExitStack() as stack:
        try:
            stack.enter_context(line_lock(loaded.settings.data_dir, loaded.settings.log_dir))
        except LineTaken as error:
            raise _no_line(error) from None
        yield loaded


@contextmanager
def demo_line(own: Loaded, alone: bool = False) -> Iterator[Loaded]:
    """The settings of the built-in line while it runs, or exit 14. Beside another demo console, where both
    would write over each other's records, its own go with it; `alone`: exit 14 there, too."""
    from ..demo.child import ChildFailed
    from ..line_lock import LineTaken, line_lock
    from ..settings.demo import demo_line, kept_apart

    apart = kept_apart(own)
    problems = make_folders(apart)
    if problems:
        raise fail(*problems)
    with ExitStack() as stack:
        try:
            stack.enter_context(line_lock(apart.data_dir, apart.log_dir))
        except LineTaken as error:
            if alone:
                raise _no_line(LineTaken(error.by, demo=True)) from None
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="call-console-demo-")))
            apart = replace(apart, data_dir=folder, log_dir=folder / "logs")
        try:
            loaded = stack.enter_context(demo_line(os.environ, Path.cwd(), apart))
        except ChildFailed as error:
            raise _no_line(error) from None
        wrong = loaded.problems or make_folders(loaded.settings)
        if wrong:
            raise fail(*wrong)
        yield loaded


def _no_line(error: Exception) -> typer.Exit:
    tell(str(error))
    return typer.Exit(outcome.NO_LINE)
