"""Tools of the user's own: functions that installed packages offer under the entry-point group `GROUP`.

A tool is `def tool(call: CallContext, parameters: Mapping[str, Any]) -> str`, plain or async, with a
docstring; its name is the entry point's. They run outside the engine's thread (async ones on one loop of
their own, plain ones in a thread each), so that nothing they do can hold up the audio. See `docs/tools.md`.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from ..core.text import clean
from ..core.tools import TOOLS
from ..core.words import phrase
from .tools import CallContext, ToolResult

GROUP = "call_console.tools"
SECONDS = 30.0
"""How long a tool may take."""

RESULT_CHARACTERS = 16_000
_AT_ONCE = 32
_CLOSE_SECONDS = 1.0
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

_log = logging.getLogger(__name__)

Function = Callable[[CallContext, Mapping[str, Any]], "str | Awaitable[str]"]


@dataclass(frozen=True, slots=True)
class OwnTool:
    """One tool; `says`: the first line of its docstring."""

    name: str
    says: str
    function: Function
    is_async: bool


def installed() -> OwnTools:
    """Every tool that packages in this environment offer. Never raises."""
    try:
        found = list(entry_points(group=GROUP))
    except Exception as error:
        return OwnTools(
            (),
            (phrase("The installed packages cannot be searched for tools ({error}).", error=_kind(error)),),
        )
    return load(found)


def load(found: Iterable[EntryPoint]) -> OwnTools:
    """Import each; one that is no tool is left out, with a sentence."""
    tools: dict[str, OwnTool] = {}
    problems = []
    for entry in sorted(found, key=lambda entry: (entry.name, entry.value)):
        try:
            if entry.name in tools:
                raise ValueError(phrase("has the name of another installed tool: rename one of them"))
            tools[entry.name] = _read(entry)
        except ValueError as error:
            problems.append(
                phrase(
                    "The tool {name!r} ({value}) {error}.",
                    name=clean(entry.name, 64),
                    value=clean(entry.value, 80),
                    error=error,
                )
            )
    return OwnTools(tuple(tools.values()), tuple(problems))


def _read(entry: EntryPoint) -> OwnTool:
    """Raises `ValueError` with the end of a sentence."""
    if not _NAME.fullmatch(entry.name):
        raise ValueError(phrase("needs a name of 1 to 64 letters, digits, _ and -"))
    if entry.name in TOOLS:
        raise ValueError(phrase("has the name of one of the console's own tools: rename it"))
    try:
        function = entry.load()
    except (Exception, SystemExit) as error:
        said = f": {clean(str(error), 120)}" if isinstance(error, ImportError | AttributeError) else ""
        raise ValueError(
            phrase(
                "cannot be loaded ({error}{said}): mend or remove its package", error=_kind(error), said=said
            )
        ) from None
    if not callable(function):
        raise ValueError(phrase("is not a function"))
    try:
        inspect.signature(function).bind(CallContext("", ""), {})
        says = (inspect.getdoc(function) or "").strip().partition("\n")[0]
    except (TypeError, ValueError):
        raise ValueError(phrase("must take two arguments: the call and the parameters")) from None
    if not says:
        raise ValueError(phrase("needs a docstring that says what it does"))
    is_async = any(map(inspect.iscoroutinefunction, (function, type(function).__call__)))
    return OwnTool(entry.name, clean(says), function, is_async)


class OwnTools:
    """Implements `tools.Tools`. `problems`: a sentence for each tool that had to be left out."""

    def __init__(
        self, tools: tuple[OwnTool, ...], problems: tuple[str, ...] = (), seconds: float = SECONDS
    ) -> None:
        self.tools = tools
        self.problems = problems
        self._by_name = {tool.name: tool for tool in tools}
        self._seconds = seconds
        self._threads = threading.BoundedSemaphore(_AT_ONCE)
        self._loop: _LoopThread | None = None

    async def run(self, call: CallContext, name: str, parameters: Mapping[str, Any]) -> ToolResult:
        tool = self._by_name.get(name)
        if tool is None:
            return ToolResult(phrase("unknown tool: {name}", name=name), is_error=True)
        try:
            async with asyncio.timeout(self._seconds) as deadline:
                text = await asyncio.wrap_future(self._start(tool, call, parameters))
        except TimeoutError:
            if deadline.expired():
                return ToolResult(
                    phrase("the tool took longer than {seconds:g} s", seconds=self._seconds), is_error=True
                )
            return _failed(tool, TimeoutError())
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return _failed(tool, error)
        except Exception as error:
            return _failed(tool, error)
        if not isinstance(text, str):
            return ToolResult(
                phrase("the tool gave {kind} instead of a text", kind=_kind(text)), is_error=True
            )
        return ToolResult(text[:RESULT_CHARACTERS])

    def close(self) -> None:
        if self._loop is not None:
            self._loop.close()

    def _start(self, tool: OwnTool, call: CallContext, parameters: Mapping[str, Any]) -> Future[Any]:
        if not tool.is_async:
            return self._in_a_thread(tool, call, parameters)
        if self._loop is None:
            self._loop = _LoopThread()
        return self._loop.submit(tool.function, call, parameters)

    def _in_a_thread(self, tool: OwnTool, call: CallContext, parameters: Mapping[str, Any]) -> Future[Any]:
        """In a daemon thread: the program's end would wait for a pool in which a tool hangs."""
        future: Future[Any] = Future()

        def work() -> None:
            try:
                future.set_result(tool.function(call, parameters))
            except BaseException as error:
                future.set_exception(_ordinary(error))
            finally:
                self._threads.release()

        if not self._threads.acquire(blocking=False):
            raise RuntimeError(phrase("too many tools are running"))
        future.set_running_or_notify_cancel()
        threading.Thread(target=work, name=f"tool {tool.name}", daemon=True).start()
        return future


class _LoopThread:
    """An event loop in a thread: the same for all async tools, so that they may share clients and locks."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="tools", daemon=True)
        self._thread.start()

    def submit(self, function: Function, *arguments: Any) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(_guarded(function, *arguments), self._loop)

    def close(self) -> None:
        """A tool that blocks the loop is left behind: the thread ends with the program."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._until_closed())

    async def _until_closed(self) -> None:
        await self._stop.wait()


async def _guarded(function: Function, *arguments: Any) -> Any:
    try:
        result = function(*arguments)
        return await result if inspect.isawaitable(result) else result
    except (SystemExit, KeyboardInterrupt) as error:
        raise _ordinary(error) from None


def _ordinary(error: BaseException) -> Exception:
    """What a tool raised, as something that ends only the tool."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return RuntimeError(_kind(error))


def _failed(tool: OwnTool, error: BaseException) -> ToolResult:
    """The type only: the text may quote anything."""
    _log.warning("Tool %s failed: %s", tool.name, _kind(error))
    return ToolResult(phrase("the tool failed: {error}", error=_kind(error)), is_error=True)


def _kind(value: object) -> str:
    return type(value).__name__
