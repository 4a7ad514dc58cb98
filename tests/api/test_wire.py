"""What comes over the socket and is no request, byte by byte: one answer in the one shape, and no trouble."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from console.api.access import Access
from console.api.limits import Limits

pytestmark = pytest.mark.timeout(60)

_HOST = b"Host: localhost\r\n"
_JSON = b"Content-Type: application/json\r\n"


def said(api: Any, sent: bytes) -> bytes:
    """Everything that the server answers to these bytes."""
    address = api.server.address
    with socket.create_connection((address.host, address.port), timeout=30) as client:
        client.sendall(sent)
        answer = b""
        while part := client.recv(65536):
            answer += part
        return answer


def only_fault(answer: bytes) -> tuple[int, str]:
    """Status and code of the one answer, which is an error in the one shape and closes the connection."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    assert headers["content-type"] == "application/json"
    assert headers["connection"] == "close"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers
    assert int(headers["content-length"]) == len(body), "nothing follows"
    error = json.loads(body)["error"]
    assert set(error) == {"code", "message"}
    assert error["message"].endswith(".")
    return int(lines[0].split()[1]), error["code"]


def no_trouble(api: Any) -> bool:
    """Nothing was taken for a bug of ours, and the next request is answered."""
    told = [r for _, r in api.console.feed.after(0) if r.type == "ignored"]
    return not told and api.client.get("/api/status").status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64) + b"\r\n\r\n",
        b"GET /api/status HTTP/1.1\r\n\r\n",
        b"GET /api/status HTTP/1.1\r\n" + _HOST + _HOST + b"\r\n",
        b"GET /api/status HTTP/1.1\r\n" + _HOST + b"no colon\r\n\r\n",
        b"GET /api/status HTTP/1.1\r\n" + _HOST + b"A: \x00\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\n" + _HOST + b"\r\n",
        b"GET /\xd1\x8f?q=\xff HTTP/1.1\r\n" + _HOST + b"\r\n",
        b"G\x00T / HTTP/1.1\r\n" + _HOST + b"\r\n",
        b"POST /api/calls/start HTTP/1.1\r\n" + _HOST + b"Content-Length: -1\r\n\r\n",
        b"POST /api/calls/start HTTP/1.1\r\n" + _HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /api/calls/start HTTP/1.1\r\n" + _HOST + b"Transfer-Encoding: gzip\r\n\r\n",
        b"GET /api/status HTTP/1.1\r\nX: " + b"x" * 40_000,
        b"x" * 40_000,
    ],
)
def test_what_is_no_request(api: Any, sent: bytes) -> None:
    assert only_fault(said(api, sent)) == (400, "bad_request")
    assert no_trouble(api)


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        (b"GET /api/status HTTP/1.0\r\n\r\n", (421, "wrong_host")),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (421, "wrong_host")),
        (b"GET /api/status HTTP/1.1\r\nHost: evil.example\r\n\r\n", (421, "wrong_host")),
        (b"POST /api/register HTTP/1.1\r\n" + _HOST + b"Origin: null\r\n\r\n", (403, "wrong_origin")),
        (
            b"POST /api/calls/start HTTP/1.1\r\n" + _HOST + b"Content-Length: 999999\r\n\r\n",
            (413, "too_large"),
        ),
        (
            b"POST /api/calls/start HTTP/1.1\r\n" + _HOST + b"Content-Length: " + b"9" * 18 + b"\r\n\r\n",
            (413, "too_large"),
        ),
    ],
)
def test_what_is_refused_before_it_is_looked_at(api: Any, sent: bytes, fault: tuple[int, str]) -> None:
    assert only_fault(said(api, sent)) == fault
    assert no_trouble(api)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"GET /nowhere HTTP/1.1", (404, "not_found")),
        (b"OPTIONS * HTTP/1.1", (404, "not_found")),
        (b"GET http://localhost/api/status HTTP/1.1", (404, "not_found")),
        (b"PUT /api/status HTTP/1.1", (405, "method_not_allowed")),
        (b"PROPFIND /api/calls HTTP/1.1", (405, "method_not_allowed")),
        (b"CONNECT example.org:443 HTTP/1.1", (404, "not_found")),
    ],
)
def test_what_there_is_not(api: Any, line: bytes, fault: tuple[int, str]) -> None:
    assert only_fault(said(api, line + b"\r\n" + _HOST + b"Connection: close\r\n\r\n")) == fault
    assert no_trouble(api)


def test_an_upgrade_is_no_matter(api: Any) -> None:
    upgrade = b"Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    answer = said(api, b"GET /api/status HTTP/1.1\r\n" + _HOST + upgrade + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_too_many_requests(open_api: Any) -> None:
    api = open_api(limits=Limits(burst=1, rate=0.01))
    request = b"GET /api/status HTTP/1.1\r\n" + _HOST + b"Connection: close\r\n\r\n"
    assert said(api, request).startswith(b"HTTP/1.1 200 ")
    answer = said(api, request)
    assert only_fault(answer) == (429, "too_many_requests")
    assert b"retry-after: " in answer.lower()


def test_a_body_that_is_broken_on_the_way(api: Any) -> None:
    head = b"POST /api/calls/start HTTP/1.1\r\n" + _HOST + _JSON + b"Transfer-Encoding: chunked\r\n\r\n"
    assert only_fault(said(api, head + b'5\r\n{"pho\r\nnonsense\r\n')) == (400, "bad_request")
    assert no_trouble(api)
    assert api.console.state.calls == ()


@pytest.mark.parametrize("second", [b"\x00nonsense\r\n\r\n", b"GET /\xff HTTP/1.1\r\n" + _HOST + b"\r\n"])
def test_nonsense_behind_a_request_is_answered_after_it(api: Any, second: bytes) -> None:
    first = b"GET /api/status HTTP/1.1\r\n" + _HOST + b"\r\n"
    answer = said(api, first + second)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert only_fault(answer[answer.index(b"HTTP/1.1 400 ") :]) == (400, "bad_request")
    assert no_trouble(api)


def test_a_bug_of_the_guard_has_the_shape_too(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Access, peer: object, ours: object) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(Access, "caller", broken)
    answer = said(api, b"GET /api/status HTTP/1.1\r\n" + _HOST + b"\r\n")
    assert only_fault(answer) == (500, "internal")
    (told,) = [r for _, r in api.console.feed.after(0) if r.type == "ignored"]
    assert "RuntimeError in broken" in str(told.fields["why"])
    assert b"hunter2" not in answer
