"""The server as a part of the program: its port, its thread, its errors, its page."""

from __future__ import annotations

import gc
import os
import re
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from console.api.desk import Desk
from console.api.news import News
from console.api.server import ApiServer, ApiUnavailable
from console.commands.serve import serve
from console.opening import _api_beside
from console.records.feed import Feed
from console.settings.loading import Settings
from console.settings.values import Address

pytestmark = pytest.mark.timeout(60)


def sockets() -> set[str]:
    """The sockets that this process holds."""
    folder = Path("/proc/self/fd")
    if not folder.exists():
        return set()
    links = (os.readlink(entry) for entry in folder.iterdir() if entry.exists() or entry.is_symlink())
    return {link for link in links if link.startswith("socket:")}


def test_nothing_is_left_behind(open_api: Any) -> None:
    threads = threading.active_count()
    before = sockets()
    api = open_api()
    with api.client.stream("GET", "/api/events") as answer:
        assert api.client.get("/api/status").status_code == 200
        api.server.stop()
        assert "event: end" in answer.read().decode()
    api.client.close()
    gc.collect()  # an unclosed transport would warn here, and warnings are errors
    assert threading.active_count() == threads
    assert sockets() <= before
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", api.server.address.port))


def test_stopped_while_it_begins(open_api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    console = open_api().console
    begun, may_go_on = threading.Event(), threading.Event()

    class SlowNews(News):
        def __init__(self, feed: Feed) -> None:
            begun.set()
            may_go_on.wait(30)
            super().__init__(feed)

    monkeypatch.setattr("console.api.news.News", SlowNews)
    server = ApiServer(console, Feed(), Address("127.0.0.1", 0))
    server.start()
    assert begun.wait(30)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    while not server._stopping:
        pass
    may_go_on.set()
    stopping.join()
    server.stop()
    assert not server._thread.is_alive()


def test_stopped_without_having_been_started(open_api: Any) -> None:
    ApiServer(open_api().console, Feed(), Address("127.0.0.1", 0)).stop()


def test_a_request_before_the_start_waits(open_api: Any) -> None:
    console = open_api().console
    server = ApiServer(console, console.feed, Address("127.0.0.1", 0))
    with socket.create_connection((server.address.host, server.address.port), timeout=30) as client:
        client.sendall(b"GET /api/status HTTP/1.0\r\nHost: localhost\r\n\r\n")
        with server:
            assert client.recv(100).startswith(b"HTTP/1.1 200")


# ---- the port ----


def test_a_taken_port_is_one_sentence(api: Any) -> None:
    port = api.server.address.port
    with pytest.raises(ApiUnavailable, match=f"another program has port {port}"):
        ApiServer(api.console, Feed(), Address("127.0.0.1", port))


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.1"])
def test_an_address_that_cannot_be_had(host: str) -> None:
    with pytest.raises(ApiUnavailable, match=rf"No HTTP API at CONSOLE_API={host}:8000: .+\."):
        ApiServer(None, Feed(), Address(host, 8000), "token")  # type: ignore[arg-type]


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.api.server.find_spec", lambda name: None)
    with pytest.raises(ApiUnavailable, match="pip install"):
        ApiServer(None, Feed(), Address("127.0.0.1", 0))  # type: ignore[arg-type]


def test_ipv6(open_api: Any) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    api = open_api(host="::1")
    assert api.client.get("/api/status").status_code == 200


def test_beside_the_screen_a_taken_port_is_a_note(api: Any) -> None:
    with _api_beside(api.console, Settings(api=api.server.address)) as (console, shown, notes):
        assert (console, shown) == (api.console, "none")
        assert "another program has port" in notes[0]
    with _api_beside(api.console, Settings(api=None)) as (console, shown, notes):
        assert (console, shown, notes) == (api.console, "off", ())


def test_beside_the_screen_it_listens_and_is_named(api: Any) -> None:
    with _api_beside(api.console, Settings(api=Address("127.0.0.1", 0))) as (_, shown, notes):
        host, _, port = shown.partition(":")
        socket.create_connection((host, int(port)), timeout=20).close()
        assert notes == ()


@pytest.mark.parametrize(
    ("settings", "at", "words"),
    [
        (Settings(), "0.0.0.0:8000", "CONSOLE_API_TOKEN"),
        (Settings(), "nonsense", "must be host:port"),
        (Settings(api=None), None, "CONSOLE_API is off"),
    ],
)
def test_serve_refuses_in_one_sentence(
    settings: Settings, at: str | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert serve(None, settings, at) == 2  # type: ignore[arg-type]
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert words in said.err


# ---- errors ----


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/docs/../server.py", 404, "not_found"),
        ("GET", "/docs/%2e%2e%2fmain.py", 404, "not_found"),
        ("GET", "/api/calls/", 404, "not_found"),
        ("DELETE", "/api/calls", 405, "method_not_allowed"),
        ("OPTIONS", "/api/calls/start", 405, "method_not_allowed"),
        ("TRACE", "/api/status", 405, "method_not_allowed"),
    ],
)
def test_every_error_has_the_one_shape(api: Any, method: str, path: str, status: int, code: str) -> None:
    answer = api.client.request(method, path)
    assert api.fault(answer) == (status, code)
    if status == 405:
        assert answer.headers["Allow"]


def test_a_bug_is_told_on_the_screen_and_not_to_the_client(
    api: Any,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(self: Desk) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(Desk, "status", broken)
    answer = api.client.get("/api/status")
    assert api.fault(answer) == (500, "internal")
    assert answer.headers["Connection"] == "close"
    (record,) = [r for _, r in api.console.feed.after(0) if r.type == "ignored"]
    assert "RuntimeError in broken" in str(record.fields["why"])
    out, err = capfd.readouterr()
    assert "hunter2" not in f"{answer.text}{record}{out}{err}"
    assert (out, err, caplog.records) == ("", "", []), "the screen is drawn there"
    assert api.client.get("/api/calls").status_code == 200


def test_no_answer_tells_what_it_runs_on(api: Any) -> None:
    answer = api.client.get("/api/status")
    assert "server" not in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


# ---- the page ----


def test_the_front_sends_everyone_to_the_page(api: Any) -> None:
    front = api.client.get("/")
    assert (front.status_code, front.headers["location"]) == (307, "/docs")
    assert front.json()["docs"] == "/docs", "curl follows nothing by itself"


def test_the_page_needs_nothing_from_elsewhere(api: Any) -> None:
    page = api.client.get("/docs")
    assert page.status_code == 200
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(links) == 3
    for link in links:
        assert link.startswith("/docs/")
        asset = api.client.get(link)
        assert asset.status_code == 200
        assert len(asset.content) > 500
    assert not re.search(r"https?:|//\w", page.text)
    assert "'self'" in page.headers["Content-Security-Policy"]
    assert "http" not in page.headers["Content-Security-Policy"]


def test_no_body_is_demanded_where_nothing_needs_to_be_said(api: Any) -> None:
    paths = api.client.get("/openapi.json").json()["paths"]
    demands = {
        path.rpartition("/")[2]
        for path, methods in paths.items()
        if methods.get("post", {}).get("requestBody", {}).get("required")
    }
    assert demands == {"start", "say", "digits"}


def test_the_schema_names_every_route_and_its_errors(api: Any) -> None:
    schema = api.client.get("/openapi.json").json()
    assert schema["security"] == [{}, {"token": []}], "same user or token"
    assert {(method, path) for path, methods in schema["paths"].items() for method in methods} == {
        ("post", "/api/calls/start"),
        ("get", "/api/calls"),
        ("get", "/api/calls/{call_id}"),
        ("post", "/api/calls/{call_id}/hangup"),
        ("post", "/api/calls/{call_id}/say"),
        ("post", "/api/calls/{call_id}/silence"),
        ("post", "/api/calls/{call_id}/goodbye"),
        ("post", "/api/calls/{call_id}/digits"),
        ("post", "/api/register"),
        ("get", "/api/status"),
        ("get", "/api/events"),
    }
    for methods in schema["paths"].values():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorBody")
