"""The command line: `call-console` opens the screen, its commands do the same work without one."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from .commands import config_view
from .core import outcome
from .core.numbers import Judgement, Verdict, judge, judge_uri
from .ports import AudioError, Console
from .settings.loading import Loaded, Settings, load, make_folders

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="The operator's console for AI phone calls. Without a command: the screen.",
)
check = typer.Typer(rich_markup_mode=None, help="Try one part.")
app.add_typer(check, name="check")

Json = Annotated[bool, typer.Option("--json", help="Events as JSON lines on stdout, words on stderr.")]
NoAgent = Annotated[bool, typer.Option("--no-agent", help="Never open an AI session.")]
Demo = Annotated[bool, typer.Option("--demo", help="On the built-in demo line, with its own numbers.")]
Number = Annotated[str, typer.Argument(help="A number in national or international form, or sip:name@host.")]

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def main() -> None:
    """The entry point of `call-console`."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="call-console")


def build_console(loaded: Loaded) -> Console:
    """The engine on these settings. Imported late: commands that need no line do not load it."""
    from .wiring import build

    return build(loaded)


@app.callback(invoke_without_command=True)
def screen(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if show_version:
        typer.echo(_version())
        raise typer.Exit
    if context.invoked_subcommand is None:
        loaded = _usable()
        if not (sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):
            raise _fail(
                "The screen needs a terminal; without one use `call-console call NUMBER` (see --help)."
            )
        demo = not loaded.has_line
        with _demo_line(loaded) if demo else _own_line(loaded) as line:
            from .opening import open_screen

            raise typer.Exit(open_screen(build_console(line), line, demo))


@app.command()
def call(
    number: Number,
    as_json: Json = False,
    max_seconds: Annotated[int | None, typer.Option(min=1, help="End the call after so long.")] = None,
    answer_timeout: Annotated[int | None, typer.Option(min=1, help="Stop ringing after so long.")] = None,
    no_agent: NoAgent = False,
    demo: Demo = False,
    var: Annotated[list[str] | None, typer.Option(help="name=value for the agent; repeatable.")] = None,
) -> None:
    """Place one AI call; ends when the call ends."""
    variables = _variables(var or [])
    with _line(demo, wants_agent=not no_agent) as loaded:
        _judged(loaded, number)
        _run(
            loaded,
            as_json,
            number,
            wants_agent=not no_agent,
            call_seconds=max_seconds,
            ring_seconds=answer_timeout,
            variables=variables,
        )


@app.command()
def events(
    as_json: Json = False,
    dial: Annotated[str | None, typer.Option(metavar="NUMBER", help="Place a call.")] = None,
    no_agent: NoAgent = False,
    demo: Demo = False,
) -> None:
    """Follow what the phone reports, until stopped or until the dialed call ends."""
    with _line(demo, wants_agent=dial is not None and not no_agent) as loaded:
        if dial is not None:
            _judged(loaded, dial)
        _run(loaded, as_json, dial, wants_agent=not no_agent)


@check.command("dial")
def check_dial(
    number: Number,
    place: Annotated[bool, typer.Option(help="Dial it and hang up at the first response.")] = False,
) -> None:
    """Show how a number is read and which SIP URI is dialed."""
    loaded = _usable()
    seen = _judge(loaded.settings, number)
    typer.echo(f"read as  {seen.display or '-'}" + (f"  {seen.label}" if seen.label else ""))
    typer.echo(f"dials    {seen.uri or 'nothing'}")
    typer.echo(f"verdict  {_VERDICTS[seen.verdict]}{': ' if seen.why else ''}{seen.why}")
    if not seen.may_dial:
        raise typer.Exit(outcome.SETTINGS_WRONG)
    if place:
        with _own_line(_filled_in(loaded, wants_agent=False)):
            _run(loaded, False, number, wants_agent=False, first_response=True)


@app.command()
def serve(
    api: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Instead of CONSOLE_API.")] = None,
    demo: Demo = False,
) -> None:
    """Run without a screen: phone, agent and HTTP API, until stopped."""
    with _line(demo, wants_agent=False) as loaded:
        from .commands.serve import serve

        raise typer.Exit(serve(build_console(loaded), loaded.settings, api))


@app.command()
def devices() -> None:
    """List the audio devices, and which two would be used."""
    loaded = _usable()
    from .commands import device_view

    try:
        for line in device_view.lines(loaded.settings):
            typer.echo(line)
    except AudioError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(outcome.AUDIO_FAILED) from None


@app.command()
def log(
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on with what is written.")] = False,
    call: Annotated[str, typer.Option("--call", metavar="ID", help="Only this call.")] = "",
    demo: Annotated[bool, typer.Option("--demo", help="Of the built-in demo line.")] = False,
) -> None:
    """Print the log in plain words."""
    from .commands import log_view
    from .settings.demo import DATA_FOLDER

    settings = _usable().settings
    folder = settings.data_dir / DATA_FOLDER / "logs" if demo else settings.log_dir
    try:
        for line in log_view.follow(folder, call) if follow else log_view.lines(folder, call):
            print(line, flush=follow)
    except KeyboardInterrupt:
        raise typer.Exit(outcome.STOPPED) from None
    except BrokenPipeError:  # whoever read it has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not follow and not log_view.kept(folder):
        typer.echo(f"Nothing has been logged in {folder} yet.", err=True)


@app.command()
def doctor(
    as_json: Json = False,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what is safe to mend, after asking.")] = False,
    demo: Demo = False,
) -> None:
    """Check every part and say how to mend what is wrong; exit 1 if there is a problem."""
    from .doctor.command import Doctor

    own = partial(load, os.environ, Path.cwd())
    with ExitStack() as stack:
        line = stack.enter_context(_demo_line(own())) if demo else None
        settings = own if line is None else lambda: line
        checker = Doctor(settings, os.environ, typer.echo, partial(typer.echo, err=True), _ask)
        raise typer.Exit(checker.run(as_json=as_json, fix=fix))


@app.command()
def config(
    old: Annotated[
        Path | None, typer.Option("--import", metavar="DIR", help="Take over an old set-up into .env here.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="With --import: replace .env if it exists.")] = False,
) -> None:
    """Show the settings in force, each with where it came from; secrets are hidden."""
    if old is not None:
        from .commands.import_config import take_over

        target = Path.cwd() / ".env"
        raise typer.Exit(take_over(old, target, force=force, say=typer.echo, ask=_ask))
    loaded = load(os.environ, Path.cwd())
    for line in config_view.lines(loaded):
        typer.echo(line)
    for sentence in (*loaded.problems, *loaded.missing, *loaded.warnings):
        typer.echo(sentence, err=True)
    if loaded.problems:
        raise typer.Exit(outcome.SETTINGS_WRONG)


_VERDICTS = {
    Verdict.OK: "dialed",
    Verdict.CONFIRM: "dialed when asked twice (on the command line: at once)",
    Verdict.REFUSED: "refused",
    Verdict.INCOMPLETE: "incomplete",
}


def _ask(question: str) -> bool:
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:  # nobody is there to answer
        return False


def _version() -> str:
    try:
        return version("call-console")
    except PackageNotFoundError:
        return "unknown (not installed)"


def _fail(*sentences: str) -> typer.Exit:
    for sentence in sentences:
        typer.echo(sentence, err=True)
    return typer.Exit(outcome.SETTINGS_WRONG)


def _usable() -> Loaded:
    """The settings, if there is nothing wrong with them; else every problem and exit 2."""
    loaded = load(os.environ, Path.cwd())
    for warning in loaded.warnings:
        typer.echo(f"warning: {warning}", err=True)
    problems = loaded.problems or make_folders(loaded.settings)
    if problems:
        raise _fail(*problems)
    return loaded


def _filled_in(loaded: Loaded, wants_agent: bool) -> Loaded:
    """The same settings, if a line (and an agent) is filled in; else what is missing and exit 2."""
    missing = list(loaded.missing)
    if wants_agent and not loaded.settings.agent_id:
        missing.append("No AI agent is set: fill in ELEVENLABS_AGENT_ID, or add --no-agent.")
    if missing:
        raise _fail(*missing)
    return loaded


@contextmanager
def _line(demo: bool, wants_agent: bool) -> Iterator[Loaded]:
    """The settings of the line to use; the demo line runs meanwhile if it is the one."""
    loaded = _usable()
    with _demo_line(loaded) if demo else _own_line(_filled_in(loaded, wants_agent)) as line:
        yield line


@contextmanager
def _own_line(loaded: Loaded) -> Iterator[Loaded]:
    from .line_lock import LineTaken, line_lock

    with ExitStack() as stack:
        try:
            stack.enter_context(line_lock(loaded.settings.data_dir))
        except LineTaken as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(outcome.NO_LINE) from None
        yield loaded


@contextmanager
def _demo_line(own: Loaded) -> Iterator[Loaded]:
    from .demo.child import ChildFailed
    from .settings.demo import demo_line

    with ExitStack() as stack:
        try:
            loaded = stack.enter_context(demo_line(os.environ, Path.cwd(), own))
        except ChildFailed as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(outcome.NO_LINE) from None
        problems = loaded.problems or make_folders(loaded.settings)
        if problems:
            raise _fail(*problems)
        yield loaded


def _variables(given: list[str]) -> tuple[tuple[str, str], ...]:
    pairs = []
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not _VARIABLE.fullmatch(name):
            raise _fail(
                f"--var wants name=value, with a name of letters, digits and _: {name[:40]!r} is none."
            )
        pairs.append((name, value))
    return tuple(pairs)


def _is_uri(number: str) -> bool:
    return "@" in number or number.strip().lower().startswith(("sip:", "sips:"))


def _judge(settings: Settings, number: str) -> Judgement:
    from .records.calls import NEVER_CALL, load_never_call

    never, _ = load_never_call(settings.data_dir / NEVER_CALL, settings.dial_region)
    e164 = settings.dial_format == "e164"
    if _is_uri(number):
        return judge_uri(number, settings.sip_domain, settings.dial_region, e164, never)
    return judge(number, settings.dial_region, settings.sip_domain, e164, never)


def _judged(loaded: Loaded, number: str) -> None:
    """Exit 2 with the reason unless the number may be dialed; say what a screen would ask about."""
    seen = _judge(loaded.settings, number)
    if not seen.may_dial:
        raise _fail(seen.why if seen.why.endswith(".") else f"{number!r}: {seen.why}.")
    if seen.verdict is Verdict.CONFIRM:
        typer.echo(f"note: {seen.why}", err=True)


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
        order = Order(
            number, _is_uri(number), wants_agent, ring_seconds, call_seconds, variables, first_response
        )

    async def run() -> int:
        return await OneCall(build_console(loaded), order, as_json).run()

    raise typer.Exit(asyncio.run(run()))
