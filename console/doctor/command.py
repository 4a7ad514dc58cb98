"""The command `doctor`."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from ..audio.stderr_guard import stderr_to
from ..core.system_errors import system_error
from ..core.words import phrase
from ..line_lock import LineTaken, line_lock
from ..settings.loading import Loaded, make_folders
from . import view
from .checking import Check, Context, Outcome, all_checks, carry_out

Say = Callable[[str], None]
Ask = Callable[[str], bool]


class Doctor:
    """Runs every check and prints what each gives as soon as its turn has come. `load`: reads the settings;
    `say`: a line on stdout; `tell`: a line for people beside JSON; `ask`: a question before something is
    mended."""

    def __init__(
        self, load: Callable[[], Loaded], environ: Mapping[str, str], say: Say, tell: Say, ask: Ask
    ) -> None:
        self._load = load
        self._environ = environ
        self._say = say
        self._tell = tell
        self._ask = ask
        self._began = time.monotonic()

    def run(self, *, as_json: bool = False, fix: bool = False) -> int:
        """The exit code: 0 all is well, 1 otherwise."""
        loaded = self._load()
        with _line(loaded) as held_by:
            context = Context(loaded, self._environ, held_by)
            outcomes = self._look(all_checks(), context, as_json)
            if fix:
                outcomes = self._mend(outcomes, context, as_json)
        code = view.exit_code(outcomes)
        if as_json:
            ending = {"t": self._seconds(), "type": "doctor.summary", "exit_code": code}
            self._say(json.dumps({**ending, "text": view.summary(outcomes)}))
        else:
            self._say(view.summary(outcomes))
        return code

    def _seconds(self) -> float:
        return round(time.monotonic() - self._began, 4)

    def _look(self, checks: tuple[Check, ...], context: Context, as_json: bool) -> list[Outcome]:
        with stderr_to(Path(os.devnull)):  # native sound libraries complain there
            return asyncio.run(self._all(checks, context, as_json))

    async def _all(self, checks: tuple[Check, ...], context: Context, as_json: bool) -> list[Outcome]:
        tasks = [asyncio.create_task(carry_out(check, context)) for check in checks]
        outcomes = []
        for task in tasks:
            outcomes.append(await task)
            lines = view.objects(outcomes[-1], self._seconds()) if as_json else view.words(outcomes[-1])
            for line in lines:
                self._say(line)
        return outcomes

    def _mend(self, outcomes: list[Outcome], context: Context, as_json: bool) -> list[Outcome]:
        """Ask for each fix, carry out those that are wanted, and look at these subjects again."""
        again = tuple(outcome.check for outcome in outcomes if self._mended(outcome))
        if not again:
            return outcomes
        context = replace(context, loaded=self._load())
        anew = {outcome.check.name: outcome for outcome in self._look(again, context, as_json)}
        return [anew.get(outcome.check.name, outcome) for outcome in outcomes]

    def _mended(self, outcome: Outcome) -> bool:
        done = False
        for fix in outcome.result.fixes:
            if not self._ask(fix.question):
                continue
            try:
                fix.perform()
                done = True
            except OSError as error:
                self._tell(phrase("That did not work: {error}.", error=system_error(error)))
        return done


@contextmanager
def _line(loaded: Loaded) -> Iterator[str]:
    """Hold the line meanwhile; yields who else has it, empty when we do."""
    with ExitStack() as stack:
        held_by = ""
        if not loaded.problems and not make_folders(loaded.settings):
            try:
                stack.enter_context(line_lock(loaded.settings.data_dir))
            except LineTaken as error:
                ours = error.by is not None and error.by.pid == os.getpid()  # the demo line that is looked at
                held_by = "" if ours else _held_by(error)
        yield held_by


def _held_by(taken: LineTaken) -> str:
    if taken.by is None:
        return phrase("A console that runs has the line: it is left alone; its screen says how it is.")
    return phrase(
        "The console that runs (process {pid}) has the line: it is left alone; its screen says how it is.",
        pid=taken.by.pid,
    )
