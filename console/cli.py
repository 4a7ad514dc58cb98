"""The command line: `call-console` opens the screen, its commands do the same work without one."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import ExitStack, nullcontext
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from . import language
from .commands import number_given
from .commands.help_texts import Command, Group
from .commands.look_on import look_on
from .commands.talking import ask, say, tell
from .commands.which_line import demo_line, fail, filled_in, line_to_use, own_line, usable
from .core import outcome
from .core.words import msgid, phrase
from .ports import AudioError, Console
from .settings import spoken
from .settings.loading import Loaded, load

app = typer.Typer(
    cls=Group,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help=phrase("The operator's console for AI phone calls. Without a command: the screen."),
)
check = typer.Typer(cls=Group, rich_markup_mode=None, help=phrase("Try one part."))
app.add_typer(check, name="check")

Json = Annotated[
    bool, typer.Option("--json", help=phrase("Events as JSON lines on stdout, words on stderr."))
]
NoAgent = Annotated[bool, typer.Option("--no-agent", help=phrase("Never open an AI session."))]
Demo = Annotated[
    bool, typer.Option("--demo", help=phrase("On the built-in demo line, with its own numbers."))
]
Number = Annotated[
    str,
    typer.Argument(
        metavar=msgid("NUMBER"), help=phrase("A number in national or international form, or sip:name@host.")
    ),
]


def main() -> None:
    """The entry point of `call-console`."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    language.choose(spoken.chosen(os.environ, Path.cwd()))
    app(prog_name="call-console")


def build_console(loaded: Loaded) -> Console:
    """The engine on these settings. Imported late: commands that need no line do not load it."""
    from .wiring import build

    return build(loaded)


@app.callback(invoke_without_command=True)
def screen(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help=phrase("Print the version."))] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help=phrase("Only look on while another console has the line."))
    ] = False,
) -> None:
    if show_version:
        typer.echo(_version())
        raise typer.Exit
    if context.invoked_subcommand is None:
        loaded = usable()
        if not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):
            raise fail(
                phrase(
                    "The screen needs a terminal; without one use `call-console call NUMBER` (see --help)."
                )
            )
        looked_on = look_on(loaded, watch)
        if looked_on is not None:
            raise typer.Exit(looked_on)
        demo = not loaded.has_line
        with demo_line(loaded, alone=True) if demo else own_line(loaded) as line:
            from .late_console import LateConsole
            from .opening import open_screen

            raise typer.Exit(open_screen(LateConsole(lambda: build_console(line)), line, demo))


@app.command(cls=Command, help=phrase("Place one AI call; ends when the call ends."))
def call(
    number: Number,
    as_json: Json = False,
    max_seconds: Annotated[
        int | None, typer.Option(min=1, metavar="N", help=phrase("End the call after so many seconds."))
    ] = None,
    answer_timeout: Annotated[
        int | None, typer.Option(min=1, metavar="N", help=phrase("Stop ringing after so many seconds."))
    ] = None,
    no_agent: NoAgent = False,
    demo: Demo = False,
    var: Annotated[
        list[str] | None,
        typer.Option(metavar=msgid("NAME=VALUE"), help=phrase("A variable for the agent; repeatable.")),
    ] = None,
) -> None:
    variables = number_given.variables(var or [])
    with line_to_use(demo, wants_agent=not no_agent) as loaded:
        number_given.may_be_dialed(loaded, number)
        _run(
            loaded,
            as_json,
            number,
            wants_agent=not no_agent,
            call_seconds=max_seconds,
            ring_seconds=answer_timeout,
            variables=variables,
        )


@app.command(
    cls=Command,
    help=phrase("Show what the phone reports, until stopped."),
)
def events(
    as_json: Json = False,
    dial: Annotated[
        str | None,
        typer.Option(metavar=msgid("NUMBER"), help=phrase("Call this number; stop when the call ends.")),
    ] = None,
    no_agent: NoAgent = False,
    demo: Demo = False,
) -> None:
    with line_to_use(demo, wants_agent=dial is not None and not no_agent) as loaded:
        if dial is not None:
            number_given.may_be_dialed(loaded, dial)
        _run(loaded, as_json, dial, wants_agent=not no_agent)


@check.command(
    "dial", cls=Command, help=phrase("Show how a number is read and which SIP URI would be dialed.")
)
def check_dial(
    number: Number,
    place: Annotated[
        bool, typer.Option("--place", help=phrase("Dial it and hang up at the first response."))
    ] = False,
    demo: Demo = False,
) -> None:
    own = usable()
    with demo_line(own) if demo else nullcontext(own) as loaded:
        seen = number_given.read(loaded.settings, number)
        for line in number_given.lines(seen):
            say(line)
        if not seen.may_dial:
            raise typer.Exit(outcome.SETTINGS_WRONG)
        if not place:
            say(number_given.NOT_PLACED)
            return
        with nullcontext() if demo else own_line(filled_in(loaded, wants_agent=False)):
            _run(loaded, False, number, wants_agent=False, first_response=True)


@app.command(cls=Command, help=phrase("Run without a screen: phone, agent and HTTP API, until stopped."))
def serve(
    api: Annotated[
        str | None, typer.Option(metavar=msgid("HOST:PORT"), help=phrase("Instead of CONSOLE_API."))
    ] = None,
    demo: Demo = False,
) -> None:
    with line_to_use(demo, wants_agent=False) as loaded:
        from .commands.serve import serve

        raise typer.Exit(serve(build_console(loaded), loaded.settings, api))


@app.command(cls=Command, help=phrase("List the audio devices, and which two would be used."))
def devices() -> None:
    loaded = usable()
    from .commands import device_view

    try:
        for line in device_view.lines(loaded.settings):
            say(line)
    except AudioError as error:
        tell(str(error))
        raise typer.Exit(outcome.AUDIO_FAILED) from None


@app.command(cls=Command, help=phrase("Print the log in plain words."))
def log(
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help=phrase("Go on with what is written."))
    ] = False,
    call: Annotated[str, typer.Option("--call", metavar="ID", help=phrase("Only this call."))] = "",
    demo: Annotated[bool, typer.Option("--demo", help=phrase("Of the built-in demo line."))] = False,
) -> None:
    from .commands import log_view
    from .settings.demo import DATA_FOLDER

    settings = usable().settings
    folder = settings.data_dir / DATA_FOLDER / "logs" if demo else settings.log_dir
    raise typer.Exit(log_view.show(folder, call, follow=follow))


@app.command(
    cls=Command,
    help=phrase("Check every part and say how to mend what is wrong. Exit code 1: there is a problem."),
)
def doctor(
    as_json: Json = False,
    fix: Annotated[
        bool, typer.Option("--fix", help=phrase("Mend what is safe to mend, after asking."))
    ] = False,
    demo: Demo = False,
) -> None:
    from .doctor.command import Doctor

    own = partial(load, os.environ, Path.cwd())
    with ExitStack() as stack:
        line = stack.enter_context(demo_line(own())) if demo else None
        settings = own if line is None else lambda: line
        checker = Doctor(settings, os.environ, say, tell, ask)
        raise typer.Exit(checker.run(as_json=as_json, fix=fix))


@app.command(
    cls=Command, help=phrase("Show the settings in force and where each came from. Secrets are hidden.")
)
def config(
    old: Annotated[
        Path | None,
        typer.Option(
            "--import", metavar=msgid("DIR"), help=phrase("Take over an old set-up into .env here.")
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help=phrase("With --import: replace .env if it exists."))
    ] = False,
) -> None:
    if old is not None:
        from .commands.import_config import take_over

        raise typer.Exit(take_over(old, Path.cwd() / ".env", force=force, say=say, ask=ask))
    from .commands import config_view

    raise typer.Exit(config_view.show(load(os.environ, Path.cwd())))


def _version() -> str:
    try:
        return version("call-console")
    except PackageNotFoundError:
        return language.shown(phrase("unknown (not installed)"))


def _run(
    loaded: Loaded,
    as_json: bool,
    number: str | None,
    *,
    wants_agent: bool,
    ring_seconds: int | None = None,
    call_seconds: int | None = None,
    variables: tuple[tuple[str, str], ...] = (),
    first_response: bool = False,
) -> None:
    from .commands.one_call import OneCall, Order

    order = None
    if number is not None:
        as_uri = number_given.is_uri(number)
        order = Order(number, as_uri, wants_agent, ring_seconds, call_seconds, variables, first_response)

    async def run() -> int:
        return await OneCall(build_console(loaded), order, as_json).run()

    raise typer.Exit(asyncio.run(run()))
