"""A second start on a line that another console holds: it says who has it, and may look on."""

from __future__ import annotations

from dataclasses import replace

from ..core import outcome
from ..core.words import phrase
from ..line_lock import LineTaken, holder
from ..settings.demo import kept_apart
from ..settings.loading import Loaded
from .talking import ask, tell


def look_on(loaded: Loaded, wanted: bool) -> int | None:
    """Open the screen on what the other console writes; returns the exit code. None when there is no other
    one and the line can be had: the one of the settings, or without any the built-in demo line. `wanted`:
    asked for on the command line, so nothing is asked any more."""
    if not loaded.has_line:
        loaded = replace(loaded, settings=kept_apart(loaded), demo=True)
    held = holder(loaded.settings.data_dir)
    if held is None:
        if not wanted:
            return None
        nobody = phrase("No console holds this line, so there is nothing to look on: start without --watch.")
        if loaded.demo:
            nobody = phrase("No demo console runs, so there is nothing to look on: start without --watch.")
        tell(nobody)
        return outcome.NO_LINE
    if held.log_dir is None or not wanted:
        tell(str(LineTaken(held if held.pid else None, loaded.demo)))
    if held.log_dir is None or not (wanted or ask(phrase("Look on meanwhile, without any commands?"))):
        return outcome.NO_LINE
    from ..watching import watch

    return watch(loaded, held.log_dir)
