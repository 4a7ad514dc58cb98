"""Seeded faults: each is put into a set-up that is in order, and is the one thing that the doctor finds."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import sys
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from console.core.finding import Severity
from console.demo.conversation.script import RestAnswer, Script
from console.phone.baresip_leftovers import new_run_folder, note_child


async def test_a_set_up_in_order_has_no_finding(bench: Any) -> None:
    bench.settings = {"CONSOLE_API": f"127.0.0.1:{free_port()}"}
    seen = await bench.look()
    assert seen.findings == []
    assert seen.unknown == []
    assert any("registered as console@" in fact for fact in seen.facts)
    assert {outcome.check.name for outcome in seen.outcomes} >= {
        *("settings", "files", "phone", "control", "line", "audio", "elevenlabs", "clock", "api", "joined")
    }


# ---- settings ----


async def test_no_settings_at_all(bench: Any) -> None:
    bench.settings = dict.fromkeys(
        ("SIP_USER", "SIP_PASS", "SIP_DOMAIN", "ELEVENLABS_AGENT_ID", "ELEVENLABS_API_KEY"), ""
    ) | {"ELEVENLABS_BASE_URL": ""}
    seen = await bench.look("settings")
    assert "demo line" in seen.only("settings.none").text


@pytest.mark.parametrize("name", ["SIP_USER", "SIP_PASS", "SIP_DOMAIN"])
async def test_a_setting_is_missing(bench: Any, name: str) -> None:
    bench.settings = {name: ""}
    seen = await bench.look("settings", "line")
    assert f"EXOLVE_{name}" in seen.only("settings.missing").remedy
    assert seen.unknown


async def test_no_agent(bench: Any) -> None:
    bench.settings = {"ELEVENLABS_AGENT_ID": ""}
    assert (
        "ELEVENLABS_AGENT_ID" in (await bench.look("settings", "elevenlabs")).only("settings.no-agent").remedy
    )


async def test_a_setting_is_misspelt(bench: Any) -> None:
    bench.env_file = "EXOLVE_SIP_OUTBUOND=sip:127.0.0.1\n"
    finding = (await bench.look("settings")).only("settings.doubtful")
    assert "EXOLVE_SIP_OUTBUOND" in finding.text
    assert "EXOLVE_SIP_OUTBOUND" in finding.remedy


async def test_a_setting_is_wrong(bench: Any) -> None:
    bench.settings = {"RING_SECONDS": "soon"}
    assert "RING_SECONDS" in (await bench.look("settings")).only("settings.wrong").text


async def test_others_can_read_the_settings(bench: Any) -> None:
    bench.env_file = f"SIP_PASS={'x' * 8}\n"
    bench.context("")
    path = bench.folder / ".env"
    bench.env_file = ""
    path.chmod(0o644)
    seen = await bench.look("settings")
    finding = seen.only("settings.exposed")
    assert finding.severity is Severity.PROBLEM
    assert f"chmod 600 {path}" in finding.remedy
    (fix,) = seen.fixes
    fix.perform()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (await bench.look("settings")).findings == []


# ---- files ----


async def test_others_can_read_generated_files(bench: Any) -> None:
    bench.data.chmod(0o755)
    path = bench.data / "calls.jsonl"
    path.write_text("{}")
    path.chmod(0o640)
    seen = await bench.look("files")
    assert str(path) in seen.only("files.exposed").text
    for fix in seen.fixes:
        fix.perform()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (await bench.look("files")).findings == []


async def test_files_in_a_private_folder_are_private(bench: Any) -> None:
    (bench.data / "never-call.txt").touch(mode=0o644)
    assert (await bench.look("files")).findings == []


async def test_a_dead_console_left_its_folder(bench: Any) -> None:
    folder = new_run_folder(bench.data)
    (folder / "accounts").touch(mode=0o600)
    assert (await bench.look("files")).findings == [], "ours is in use"
    note_child(folder, 1)
    note = json.loads((folder / "process.json").read_text())
    (folder / "process.json").write_text(json.dumps(note | {"console": 2**22 + 1}))
    seen = await bench.look("files")
    assert str(folder) in seen.only("files.leftover").text
    seen.fixes[0].perform()
    assert not folder.exists()
    assert (await bench.look("files")).findings == []


@pytest.mark.parametrize("name", ["connect_websocket", "disconnect_websocket"])
async def test_a_flag_of_the_old_system(bench: Any, name: str) -> None:
    path = bench.temp / name
    path.touch()
    seen = await bench.look("files")
    assert str(path) in seen.only("files.old-flag").text
    seen.fixes[0].perform()
    assert not path.exists()
    assert (await bench.look("files")).findings == []


async def test_an_old_flag_that_is_a_link_loses_only_the_link(bench: Any) -> None:
    precious = bench.folder / "precious"
    precious.touch()
    (bench.temp / "connect_websocket").symlink_to(precious)
    (await bench.look("files")).fixes[0].perform()
    assert precious.exists()


# ---- the phone program ----


def own_baresip(folder: Path, version: str = "4.9.0", without: str = "") -> Path:
    """A program that says which Baresip it is, with the usual modules beside it but one."""
    modules = folder / "lib" / "baresip" / "modules"
    modules.mkdir(parents=True)
    for name in (
        "account",
        "menu",
        "ctrl_tcp",
        "g711",
        "opus",
        "g722",
        "alsa",
        "pulse",
        "auconv",
        "auresamp",
    ):
        if name != without:
            (modules / f"{name}.so").touch()
    program = folder / "bin" / "baresip"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho baresip v{version}\n")
    program.chmod(0o755)
    return program


async def test_baresip_is_missing(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(bench.folder))
    bench.settings = {"CONSOLE_ENGINE": "baresip"}
    assert "apt install baresip-core" in (await bench.look("phone")).only("phone.program").remedy
    bench.settings = {"CONSOLE_ENGINE": "baresip", "BARESIP_BIN": str(bench.folder / "no-baresip")}
    assert "BARESIP_BIN" in (await bench.look("phone")).only("phone.program").remedy


@pytest.mark.parametrize("module", ["ctrl_tcp", "menu", "account", "g711"])
async def test_baresip_lacks_a_needed_module(bench: Any, module: str) -> None:
    program = own_baresip(bench.folder / "own", without=module)
    bench.settings = {"CONSOLE_ENGINE": "baresip", "BARESIP_BIN": str(program)}
    assert module in (await bench.look("phone")).only("phone.program").text


@pytest.mark.parametrize("module", ["auconv", "auresamp"])
async def test_baresip_lacks_a_converter(bench: Any, module: str) -> None:
    program = own_baresip(bench.folder / "own", without=module)
    bench.settings = {"CONSOLE_ENGINE": "baresip", "BARESIP_BIN": str(program)}
    assert module in (await bench.look("phone")).only("phone.converters").text


async def test_baresip_lacks_a_wanted_codec(bench: Any) -> None:
    program = own_baresip(bench.folder / "own", without="opus")
    bench.settings = {"CONSOLE_ENGINE": "baresip", "BARESIP_BIN": str(program), "SIP_CODECS": "opus,pcma"}
    assert "opus" in (await bench.look("phone")).only("phone.codec").text
    bench.settings["SIP_CODECS"] = "opus"
    assert (await bench.look("phone")).only("phone.codecs").severity is Severity.PROBLEM


async def test_baresip_is_too_old(bench: Any) -> None:
    program = own_baresip(bench.folder / "own", version="1.0.0")
    bench.settings = {"CONSOLE_ENGINE": "baresip", "BARESIP_BIN": str(program)}
    assert (await bench.look("phone")).only("phone.old").severity is Severity.WARNING


async def test_baresip_that_hangs_is_not_waited_for(bench: Any) -> None:
    program = own_baresip(bench.folder / "own")
    program.write_text("#!/bin/sh\nexec sleep 100\n")
    bench.settings = {"CONSOLE_ENGINE": "baresip", "BARESIP_BIN": str(program)}
    assert (await bench.look("phone")).only("phone.program")


# ---- ctrl_tcp ----


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def joining(port: int) -> dict[str, str]:
    return {
        "CONSOLE_ENGINE": "baresip",
        "BARESIP_START": "no",
        "BARESIP_CTRL": f"127.0.0.1:{port}",
        "AUDIO_INPUT": "callee",
        "AUDIO_OUTPUT": "agent",
    }


def proc_with(folder: Path, *lines: str) -> Path:
    """A list of sockets as the kernel of another machine would print it."""
    (folder / "proc" / "net").mkdir(parents=True)
    head = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    )
    (folder / "proc" / "net" / "tcp").write_text(head + "\n".join(lines) + "\n")
    return folder / "proc"


LISTENS_EVERYWHERE = (
    "   0: 00000000:115C 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 10 0"
)


async def test_ctrl_tcp_can_be_reached_from_the_network(bench: Any) -> None:
    bench.settings = joining(4444)
    bench.proc = proc_with(bench.folder, LISTENS_EVERYWHERE)
    finding = (await bench.look("control")).only("control.public")
    assert "0.0.0.0:4444" in finding.text
    assert "ctrl_tcp_listen 127.0.0.1:4444" in finding.remedy


async def test_another_baresip_can_be_reached_from_the_network(bench: Any) -> None:
    bench.proc = proc_with(bench.folder, LISTENS_EVERYWHERE)
    assert (await bench.look("control")).findings == [], "it need not be a Baresip"
    process = bench.proc / "77"
    (process / "fd").mkdir(parents=True)
    (process / "comm").write_text("baresip\n")
    (process / "cmdline").write_bytes(b"baresip\0-f\0/etc/baresip\0")
    (process / "fd" / "3").symlink_to("socket:[4711]")
    assert "baresip (process 77)" in (await bench.look("control")).only("control.public").text


async def test_nobody_listens_where_a_baresip_is_to_be_joined(bench: Any) -> None:
    bench.settings = joining(free_port())
    assert "BARESIP_CTRL" in (await bench.look("control")).only("control.nobody").remedy


async def test_ctrl_tcp_is_held_by_another_client_and_left_to_it(bench: Any) -> None:
    """Found without connecting: the listener sees no second connection."""
    accepted: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            await asyncio.sleep(0)
            accepted.append(listener.accept()[0])
            bench.settings = joining(port)
            seen = await bench.look("control", "line")
            finding = seen.only("control.held")
            assert f"(process {os.getpid()})" in finding.text
            assert any("left to it" in sentence for sentence in seen.unknown)
            with pytest.raises(BlockingIOError):
                listener.accept()
        accepted[0].close()


async def test_a_baresip_elsewhere_is_not_connected_to(bench: Any) -> None:
    """Nobody can see from here who is connected to it."""
    bench.settings = joining(4444) | {"BARESIP_CTRL": "192.0.2.1:4444"}
    seen = await bench.look("control", "line")
    assert seen.findings == []
    assert len(seen.unknown) == 2


async def test_the_wished_port_of_ctrl_tcp_is_taken(bench: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        bench.settings = {"CONSOLE_ENGINE": "baresip", "BARESIP_CTRL": f"127.0.0.1:{port}"}
        assert f"(process {os.getpid()})" in (await bench.look("control")).only("control.port-taken").text
        bench.held_by = "The console that runs has the line."
        assert (await bench.look("control")).findings == []


async def test_without_a_list_of_sockets_binding_tells(bench: Any) -> None:
    bench.proc = bench.folder / "none"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        bench.settings = joining(port)
        seen = await bench.look("control")
        assert seen.findings == []
        assert seen.unknown
    assert (await bench.look("control")).only("control.nobody")


# ---- the line ----


async def test_the_password_is_wrong(bench: Any) -> None:
    bench.settings = {"SIP_PASS": "not-it"}
    finding = (await bench.look("line")).only("line.password")
    assert "403" in finding.text or "401" in finding.text
    assert "SIP_PASS" in finding.remedy


async def test_the_domain_does_not_exist(bench: Any) -> None:
    bench.settings = {"SIP_DOMAIN": "no-such-host.invalid"}
    finding = (await bench.look("line")).only("line.name")
    assert "no-such-host.invalid" in finding.text
    assert "SIP_DOMAIN" in finding.remedy


async def test_the_proxy_does_not_exist(bench: Any) -> None:
    bench.settings = {"SIP_OUTBOUND": "sip:no-such-proxy.invalid"}
    assert "SIP_OUTBOUND" in (await bench.look("line")).only("line.name").remedy


async def test_nobody_answers_at_the_domain(bench: Any) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        bench.settings = {"SIP_DOMAIN": f"127.0.0.1:{silent.getsockname()[1]}"}
        began = time.monotonic()
        finding = (await bench.look("line")).only("line.no-answer")
    assert time.monotonic() - began < 25
    assert "127.0.0.1 does not answer" in finding.text


async def test_another_console_holds_the_line(bench: Any) -> None:
    """Said, and left alone: that is no fault."""
    bench.held_by = "The console that runs has the line."
    lines = len(bench.exchange.lines)
    seen = await bench.look("line")
    assert seen.findings == []
    assert seen.unknown == [bench.held_by]
    assert len(bench.exchange.lines) == lines, "the phone was used"


# ---- ElevenLabs ----


@pytest.mark.parametrize(
    ("settings", "code", "word"),
    [
        ({"ELEVENLABS_API_KEY": "wrong"}, "elevenlabs.key", "ELEVENLABS_API_KEY"),
        ({"ELEVENLABS_AGENT_ID": "agent_elsewhere"}, "elevenlabs.agent", "region"),
        ({"ELEVENLABS_INCOMING_AGENT_ID": "agent_elsewhere"}, "elevenlabs.agent", "region"),
        ({"ELEVENLABS_BASE_URL": "http://127.0.0.1:9"}, "elevenlabs.unreachable", "ELEVENLABS_BASE_URL"),
        ({"ELEVENLABS_API_KEY": ""}, "elevenlabs.no-key", "ELEVENLABS_API_KEY"),
    ],
)
async def test_elevenlabs_refuses(bench: Any, settings: dict[str, str], code: str, word: str) -> None:
    bench.settings = settings
    assert word in (await bench.look("elevenlabs")).only(code).remedy


async def test_a_region_that_is_none(bench: Any) -> None:
    bench.settings = {"ELEVENLABS_BASE_URL": "https://eu.elevenlabs.io"}
    seen = await bench.look("elevenlabs")
    assert "elevenlabs.region" in seen.codes


async def test_the_key_may_not_start_conversations(bench: Any) -> None:
    refused = RestAnswer(401, {"detail": {"status": "missing_permissions", "message": "convai_write"}})
    seen = await bench.look("elevenlabs", script=Script(signed=(refused,)))
    assert "Agents permission" in seen.only("elevenlabs.scope").remedy


@pytest.mark.parametrize("kind", ["agent", "subscription"])
async def test_what_a_key_may_not_read_is_unknown_and_no_fault(bench: Any, kind: str) -> None:
    refused = RestAnswer(401, {"detail": {"status": "missing_permissions", "message": "no"}})
    seen = await bench.look("elevenlabs", answers={kind: (refused,)})
    assert seen.findings == []
    assert len(seen.unknown) == 1
    assert "not permitted" in seen.unknown[0]


@pytest.mark.parametrize(
    ("account", "code"),
    [
        ({"subscription": {"character_count": 100_000}}, "credits.none"),
        ({"subscription": {"character_count": 99_500}}, "credits.low"),
        ({"agent": {"conversation_config": {"conversation": {"text_only": True}}}}, "agent.text-only"),
        ({"agent": {"platform_settings": {"auth": {"enable_auth": False}}}}, "agent.public"),
        (
            {"agent": {"conversation_config": {"asr": {"user_input_audio_format": "opus_48000"}}}},
            "agent.input-format",
        ),
    ],
)
async def test_the_account_is_not_in_order(bench: Any, account: dict[str, Any], code: str) -> None:
    assert (await bench.look("elevenlabs", **account)).only(code)


async def test_no_credits_are_told_once_when_elevenlabs_refuses_for_it(bench: Any) -> None:
    refused = RestAnswer(401, {"detail": {"status": "quota_exceeded", "message": "no credits"}})
    seen = await bench.look(
        "elevenlabs", script=Script(signed=(refused,)), subscription={"character_count": 100_000}
    )
    assert "reset" in seen.only("credits.none").remedy


async def test_elevenlabs_does_not_answer(bench: Any) -> None:
    late = RestAnswer(200, delay=100.0)
    seen = await bench.look("elevenlabs", script=Script(signed=(late,)))
    assert "did not answer" in seen.only("elevenlabs.unreachable").text


# ---- clock and API port ----


@pytest.mark.parametrize("hours", [1, -1])
async def test_the_clock_is_wrong(bench: Any, serving: Any, hours: int) -> None:
    there = format_datetime(datetime.now(UTC) - timedelta(hours=hours), usegmt=True)
    async with serving(
        f"HTTP/1.1 404 Not Found\r\nDate: {there}\r\nContent-Length: 0\r\n\r\n".encode()
    ) as port:
        bench.settings = {"ELEVENLABS_BASE_URL": f"http://127.0.0.1:{port}"}
        finding = (await bench.look("clock")).only("clock.wrong")
    assert ("ahead" if hours > 0 else "behind") in finding.text
    assert any(f" {seconds} s" in finding.text for seconds in range(3590, 3611))


@pytest.mark.parametrize("date", ["", "Date: nonsense\r\n"])
async def test_a_server_that_does_not_tell_the_time(bench: Any, serving: Any, date: str) -> None:
    async with serving(f"HTTP/1.1 200 OK\r\n{date}Content-Length: 0\r\n\r\n".encode()) as port:
        bench.settings = {"ELEVENLABS_BASE_URL": f"http://127.0.0.1:{port}"}
        seen = await bench.look("clock")
    assert seen.findings == []
    assert seen.unknown


async def test_the_api_port_is_in_use(bench: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        bench.settings = {"CONSOLE_API": f"127.0.0.1:{port}"}
        finding = (await bench.look("api")).only("api.port-taken")
        assert f"(process {os.getpid()})" in finding.text
        assert f"127.0.0.1:{port + 1}" in finding.remedy
        bench.held_by = "The console that runs has the line."
        assert (await bench.look("api")).only("api.port-taken"), "it is not the console that has it"
        bench.proc = bench.folder / "none"  # who has it cannot be seen
        assert (await bench.look("api")).findings == []


LISTENER = """
import socket, sys
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()
"""


async def test_the_api_port_is_that_of_a_console_that_runs(bench: Any) -> None:
    """On the demo line it holds no line that the doctor could see."""
    program = bench.folder / "call-console"
    program.write_text(LISTENER)
    pipe = asyncio.subprocess.PIPE
    running = await asyncio.create_subprocess_exec(sys.executable, str(program), stdin=pipe, stdout=pipe)
    try:
        assert running.stdout is not None
        bench.settings = {"CONSOLE_API": f"127.0.0.1:{int(await running.stdout.readline())}"}
        seen = await bench.look("api")
        assert seen.findings == []
        (fact,) = seen.facts
        assert f"(process {running.pid})" in fact
    finally:
        await running.communicate(b"")  # closes its stdin: it ends


async def test_the_api_address_is_not_here(bench: Any) -> None:
    bench.settings = {"CONSOLE_API": "192.0.2.1:8000", "CONSOLE_API_TOKEN": "t" * 20}
    assert (await bench.look("api")).only("api.address")
