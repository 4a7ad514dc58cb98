"""Tools that other packages offer: found as installed packages are, run beside the audio, never fatal."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from console.agent import own_tools
from console.agent.own_tools import OwnTools
from console.agent.tools import CallContext, ToolResult
from console.core import events as ev
from console.core.events import CallId
from console.demo.conversation.script import Script, Step
from console.ports import SessionRequest
from console.settings.loading import load
from console.wiring import build

DOCS = (Path(__file__).parents[2] / "docs" / "tools.md").read_text()
CALL = CallContext("c1", "+79123456789", False, {"customer": "Ann"})

Install = Callable[..., OwnTools]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a package on the path as an installer does, and look for tools."""
    made: list[OwnTools] = []
    modules = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))

    def run(code: str, **entries: str) -> OwnTools:
        (tmp_path / "someones_tools.py").write_text(code)
        info = tmp_path / "someones_tools-1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: someones-tools\nVersion: 1.0\n")
        lines = "".join(f"{name} = {value}\n" for name, value in entries.items())
        (info / "entry_points.txt").write_text(f"[{own_tools.GROUP}]\n{lines}")
        made.append(own_tools.installed())
        return made[-1]

    yield run
    for tools in made:
        tools.close()
    for name in set(sys.modules) - modules:
        if name == "someones_tools":
            del sys.modules[name]


PLAIN = 'def plain(call, parameters):\n    "Says hello."\n    return f"hello {parameters}"\n'


def test_without_such_packages_there_are_none() -> None:
    tools = own_tools.installed()
    assert (tools.tools, tools.problems) == ((), ())


async def test_a_plain_and_an_async_function(install: Install) -> None:
    tools = install(
        PLAIN + 'async def slow(call, parameters):\n    """Waits.\n\n    More."""\n    return call.number\n',
        plain="someones_tools:plain",
        slow="someones_tools:slow",
    )
    assert [(tool.name, tool.says) for tool in tools.tools] == [("plain", "Says hello."), ("slow", "Waits.")]
    assert tools.problems == ()
    assert await tools.run(CALL, "plain", {"n": 1}) == ToolResult("hello {'n': 1}")
    assert await tools.run(CALL, "slow", {}) == ToolResult("+79123456789")
    assert (await tools.run(CALL, "other", {})).is_error


@pytest.mark.parametrize(
    ("code", "name", "value", "words"),
    [
        ("import no_such_module\n", "x", "someones_tools:x", "No module named"),
        ("raise SystemExit('secret')\n", "x", "someones_tools:x", "SystemExit"),
        ("def broken(:\n", "x", "someones_tools:x", "SyntaxError"),
        (PLAIN, "x", "someones_tools:gone", "gone"),
        (PLAIN, "x", "nowhere_at_all:x", "nowhere_at_all"),
        ("x = 3\n", "x", "someones_tools:x", "not a function"),
        ("def x(call):\n    'Doc.'\n", "x", "someones_tools:x", "two arguments"),
        ("def x(call, parameters):\n    return ''\n", "x", "someones_tools:x", "docstring"),
        (PLAIN, "note", "someones_tools:plain", "console's own"),
        (PLAIN, "hang_up", "someones_tools:plain", "console's own"),
        (PLAIN, "has.dots", "someones_tools:plain", "letters"),
    ],
)
def test_a_broken_one_is_one_sentence(install: Install, code: str, name: str, value: str, words: str) -> None:
    tools = install(code, **{name: value})
    assert tools.tools == ()
    (problem,) = tools.problems
    assert words in problem
    assert name in problem
    assert "secret" not in problem
    assert problem.isprintable()
    assert problem.endswith(".")


async def test_a_broken_one_does_not_take_the_others_with_it(install: Install) -> None:
    tools = install(
        PLAIN, good="someones_tools:plain", bad="someones_tools:gone", note="someones_tools:plain"
    )
    assert [tool.name for tool in tools.tools] == ["good"]
    assert len(tools.problems) == 2


BAD = """
import asyncio, sys
def raises(call, parameters):
    "Raises."
    errors = {"ordinary": ValueError("secret"), "exit": SystemExit(1), "stop": StopIteration()}
    raise errors[parameters["how"]]
async def a_raises(call, parameters):
    "Raises."
    if parameters["how"] == "cancel":
        raise asyncio.CancelledError
    if parameters["how"] == "timeout":
        raise TimeoutError
    raises(call, parameters)
def number(call, parameters):
    "No text."
    return 7
async def nothing(call, parameters):
    "No text."
def long(call, parameters):
    "Too much."
    return "x" * 100_000
"""


@pytest.mark.parametrize(
    ("name", "how", "words"),
    [
        ("raises", "ordinary", "ValueError"),
        ("raises", "exit", "RuntimeError"),
        ("raises", "stop", "RuntimeError"),
        ("a_raises", "ordinary", "ValueError"),
        ("a_raises", "exit", "RuntimeError"),
        ("a_raises", "cancel", "CancelledError"),
        ("a_raises", "timeout", "TimeoutError"),
        ("number", "", "int instead of a text"),
        ("nothing", "", "NoneType instead of a text"),
    ],
)
async def test_whatever_a_tool_does_gives_one_error(
    install: Install, name: str, how: str, words: str
) -> None:
    tools = install(BAD, **{name: f"someones_tools:{name}"})
    result = await tools.run(CALL, name, {"how": how})
    assert result.is_error
    assert words in result.text
    assert "secret" not in result.text
    assert (await tools.run(CALL, name, {"how": how})).text == result.text, "it works on after that"


async def test_a_very_long_result_is_cut(install: Install) -> None:
    tools = install(BAD, long="someones_tools:long")
    assert len((await tools.run(CALL, "long", {})).text) == own_tools.RESULT_CHARACTERS


HANGS = """
import asyncio, threading, time
seen, go = [], threading.Event()
def thread(call, parameters):
    "Hangs in its thread."
    seen.append(threading.current_thread())
    go.wait(60)
    return "late"
async def wait(call, parameters):
    "Waits for ever."
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        seen.append("cancelled")
        raise
async def block(call, parameters):
    "Blocks the loop of the tools."
    seen.append(threading.current_thread())
    go.wait(60)
    return "late"
"""


async def test_a_tool_that_hangs_is_answered_at_its_limit(install: Install) -> None:
    found = install(
        HANGS, thread="someones_tools:thread", wait="someones_tools:wait", block="someones_tools:block"
    )
    assert own_tools.SECONDS == 30.0
    tools = OwnTools(found.tools, seconds=0.2)
    module = sys.modules["someones_tools"]
    try:
        for name in ("thread", "wait", "block"):
            result = await tools.run(CALL, name, {})
            assert result == ToolResult("the tool took longer than 0.2 s", is_error=True)
        assert "cancelled" in module.seen
        threads = [seen for seen in module.seen if seen != "cancelled"]
        assert len(threads) == 2
        assert threading.current_thread() not in threads
    finally:
        module.go.set()
        tools.close()


async def test_a_tool_that_blocks_never_touches_the_loop_of_the_audio(install: Install) -> None:
    found = install(HANGS, block="someones_tools:block")
    running = asyncio.create_task(found.run(CALL, "block", {}))
    beats = 0
    module = sys.modules["someones_tools"]
    while not module.seen or beats < 20:
        await asyncio.sleep(0.005)
        beats += 1
    assert not running.done()
    module.go.set()
    assert await running == ToolResult("late")


WHERE = """
import asyncio
async def where(call, parameters):
    "Where."
    return str(id(asyncio.get_running_loop()))
"""


async def test_async_tools_share_one_loop(install: Install) -> None:
    tools = install(WHERE, where="someones_tools:where")
    results = await asyncio.gather(*[tools.run(CALL, "where", {}) for _ in range(5)])
    assert len({result.text for result in results}) == 1
    assert results[0].text != str(id(asyncio.get_running_loop()))


async def test_many_that_hang_are_bounded(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_tools, "_AT_ONCE", 3)
    found = install(HANGS, thread="someones_tools:thread")
    running = [asyncio.create_task(found.run(CALL, "thread", {})) for _ in range(5)]
    module = sys.modules["someones_tools"]
    done, _ = await asyncio.wait(running, timeout=10, return_when=asyncio.FIRST_COMPLETED)
    assert all(task.result().is_error for task in done)
    module.go.set()
    assert sorted(r.is_error for r in await asyncio.gather(*running)) == [False, False, False, True, True]
    assert not (await found.run(CALL, "thread", {})).is_error


def test_closing_leaves_no_thread(install: Install) -> None:
    tools = install(HANGS, wait="someones_tools:wait")
    before = threading.active_count()

    async def start() -> None:
        task = asyncio.create_task(tools.run(CALL, "wait", {}))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(tools.close)

    asyncio.run(start())
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


WHO = """
import json
def who(call, parameters):
    "Who."
    return json.dumps([call.call_id, call.number, call.incoming, dict(call.variables), parameters["x"]])
"""


async def test_in_a_conversation_the_result_goes_back_and_the_call_is_known(
    agent: Any, install: Install
) -> None:
    tools = install(WHO, who="someones_tools:who")
    await agent.serve(Script(steps=(Step("tool", name="who", text="t1", body={"x": "y"}, wait=True),)))
    request = SessionRequest(CallId("c9"), 1, "+79990001122", True, (("customer", "Ann"),))
    accounts = agent.account(tools=tools)
    accounts._incoming_agent_id = "agent"
    session = accounts.session(request, agent.media, agent.emit)
    session.open("")
    used = await agent.seen(ev.AgentToolUsed)
    assert (used.name, used.ok) == ("who", True)
    await agent.until(lambda: agent.seen_by_server().messages != [])
    (result,) = agent.seen_by_server().messages
    assert json.loads(result["result"]) == ["c9", "+79990001122", True, {"customer": "Ann"}, "y"]


def test_the_console_says_what_was_left_out_and_starts_all_the_same(install: Install, tmp_path: Path) -> None:
    install(PLAIN, good="someones_tools:plain", note="someones_tools:plain")
    environment = {"SIP_DOMAIN": "h", "CONSOLE_ENGINE": "embedded", "CONSOLE_DATA_DIR": str(tmp_path)}
    engine = build(load(environment, tmp_path))
    (said,) = [event for event in engine._inbox if isinstance(event, ev.Ignored)]
    assert said.source == "tools"
    assert "console's own" in said.why


def test_the_example_of_the_documentation_installs_and_works(tmp_path: Path) -> None:
    """With the real installer, into a folder of its own."""
    blocks = re.findall(r"```(\w+)\n(.*?)```", DOCS, re.S)
    package, place = tmp_path / "my-tools", tmp_path / "site"
    package.mkdir()
    (package / "pyproject.toml").write_text(next(text for kind, text in blocks if kind == "toml"))
    (package / "my_tools.py").write_text(next(text for kind, text in blocks if kind == "python"))
    json.loads(next(text for kind, text in blocks if kind == "json"))
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    subprocess.run([*pip, "--disable-pip-version-check", "--target", place, package], check=True, timeout=100)
    program = (
        "import asyncio, json\n"
        "from console.agent import own_tools\n"
        "from console.agent.tools import CallContext\n"
        "async def main():\n"
        "    tools = own_tools.installed()\n"
        "    call = CallContext('c1', '+79123456789', False, {'customer': 'Ann'})\n"
        "    asked = [('opening_hours', {'day': 'Sunday'}), ('order_status', {'order': '77'})]\n"
        "    said = [(await tools.run(call, name, given)).text for name, given in asked]\n"
        "    print(json.dumps([[t.name for t in tools.tools], tools.problems, said]))\n"
        "    tools.close()\n"
        "asyncio.run(main())\n"
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{place}:{root}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    names, problems, said = json.loads(done.stdout)
    assert (names, problems) == (["opening_hours", "order_status"], [])
    assert said[0] == "closed"
    assert json.loads(said[1]) == {
        "order": "77",
        "customer": "Ann",
        "phone": "+79123456789",
        "state": "on its way",
    }
