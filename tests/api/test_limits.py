"""What one client may ask for: size, rate, connections, time."""

from __future__ import annotations

import contextlib
import http.client
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from console.api import connection
from console.api.limits import CLIENTS, Limits, RateLimit

pytestmark = pytest.mark.timeout(60)


# ---- size ----


def test_a_request_as_large_as_it_may_be(api: Any) -> None:
    body = b'{"phone_number": "+79123456789"}'
    full = body + b" " * (64 * 1024 - len(body))
    headers = {"Content-Type": "application/json"}
    assert api.client.post("/api/calls/start", content=full, headers=headers).status_code == 201
    answer = api.client.post("/api/calls/start", content=full + b" ", headers=headers)
    assert api.fault(answer) == (413, "too_large")


def test_a_request_that_does_not_say_how_large_it_is(api: Any) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"phone_number": "+79123456789", "x": "'
        for _ in range(9):
            yield b"x" * 8192

    headers = {"Content-Type": "application/json"}
    answer = api.client.post("/api/calls/start", content=chunks(), headers=headers)
    assert api.fault(answer) == (413, "too_large")
    assert api.console.state.calls == ()


def test_a_head_too_large_is_not_read_on(api: Any) -> None:
    with raw(api) as client:
        client.sendall(b"GET /api/status HTTP/1.1\r\nHost: localhost\r\nX-Filler: " + b"x" * 40_000)
        assert read_all(client).startswith(b"HTTP/1.1 400 ")


# ---- time ----


def test_a_body_that_does_not_come(open_api: Any) -> None:
    api = open_api(limits=Limits(body_seconds=0.2))
    with raw(api) as client:
        client.sendall(b"POST /api/calls/start HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
        assert read_all(client).startswith(b"HTTP/1.1 408 ")


def test_a_connection_on_which_nothing_comes(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)
    with raw(api) as client:
        client.sendall(b"GET /api/status HTTP/1.1\r\n")
        assert read_all(client) == b""


def test_a_second_request_that_does_not_come_to_its_end(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.3)
    with raw(api) as client:
        client.sendall(b"GET /api/status HTTP/1.1\r\nHost: localhost\r\n\r\nGET /api/sta")
        got = read_all(client)
        assert got.startswith(b"HTTP/1.1 200")
        assert got.count(b"HTTP/1.1") == 1


def test_requests_one_after_the_other_are_not_cut_off(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait for a head ends with it: a connection in use lives on."""
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.2)
    client = http.client.HTTPConnection(api.server.address.host, api.server.address.port, timeout=20)
    client.connect()
    client.auto_open = 0  # a connection that was cut off is an error, not opened again
    until = time.monotonic() + 0.8
    while time.monotonic() < until:
        client.request("GET", "/api/status")
        answer = client.getresponse()
        assert (answer.status, bool(answer.read())) == (200, True)
    client.close()


def test_what_a_refused_request_would_still_send_is_not_waited_for(api: Any) -> None:
    with raw(api) as client:
        client.sendall(b"POST /api/calls/start HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 99\r\n\r\n")
        assert read_all(client).startswith(b"HTTP/1.1 421 ")


def test_the_first_request_may_take_its_time_to_be_answered(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the answer but the request is waited for: an event stream lives longer than that."""
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.1)
    monkeypatch.setattr("console.api.desk.DECISION_SECONDS", 0.6)
    api.console.deaf = True
    assert api.fault(api.start()) == (503, "no_decision")


# ---- number ----


def test_connections_are_bounded_and_free_again(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECTIONS", 3)
    assert api.client.get("/api/status").status_code == 200  # keeps its connection
    held = [raw(api), raw(api)]
    for client in held:
        client.sendall(b"GET /docs HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 200"
    with raw(api) as one_more:
        with contextlib.suppress(OSError):  # cut off before or after it has asked
            one_more.sendall(b"GET /docs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert read_all(one_more) == b""
    for client in held:
        client.close()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with raw(api) as client:
            client.sendall(b"GET /docs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            if read_all(client).startswith(b"HTTP/1.1 200"):
                return
    raise AssertionError("closed connections still count")


def test_too_many_requests_are_told_when_to_come_back(open_api: Any) -> None:
    api = open_api(limits=Limits(burst=5, rate=0.5))
    answers = [api.client.get("/api/status") for _ in range(6)]
    assert [answer.status_code for answer in answers[:5]] == [200] * 5
    assert api.fault(answers[5]) == (429, "too_many_requests")
    assert 1 <= int(answers[5].headers["Retry-After"]) <= 2


def test_what_is_refused_counts_too(open_api: Any) -> None:
    """A token cannot be guessed faster than anything else can be asked."""
    api = open_api(limits=Limits(burst=5, rate=0.5), token="secret-word")
    headers = {"X-Forwarded-For": "1", "Authorization": "Bearer guess"}
    codes = [api.client.get("/api/status", headers=headers).status_code for _ in range(7)]
    assert codes == [401] * 5 + [429] * 2


def test_tokens_come_back_with_time() -> None:
    clock = [0.0]
    limit = RateLimit(2, 4.0, lambda: clock[0])
    assert [limit.wait("a") for _ in range(3)] == [0.0, 0.0, 0.25]
    assert limit.wait("b") == 0.0, "clients are counted apart"
    clock[0] = 0.25
    assert [limit.wait("a"), limit.wait("a")] == [0.0, 0.25]
    clock[0] = 100.0
    assert [limit.wait("a") for _ in range(3)] == [0.0, 0.0, 0.25], "no more than a burst is saved up"


def test_clients_are_forgotten_the_longest_unused_first() -> None:
    limit = RateLimit(1, 0.001, lambda: 0.0)
    limit.wait("first")
    for number in range(CLIENTS - 1):
        limit.wait(str(number))
    assert limit.wait("first") > 0
    limit.wait("one more")
    assert limit.wait("first") > 0
    assert limit.wait("0") == 0.0


def raw(api: Any) -> socket.socket:
    address = api.server.address
    return socket.create_connection((address.host, address.port), timeout=20)


def read_all(client: socket.socket) -> bytes:
    got = b""
    try:
        while part := client.recv(65536):
            got += part
    except ConnectionResetError:
        pass
    return got
