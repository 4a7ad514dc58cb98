"""The HTTP API beside the screen: a port that is taken is no reason not to open it."""

from __future__ import annotations

import asyncio
import socket
import threading
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from console.core.events import CallId, Event
from console.core.state import Policy, State
from console.opening import _api_beside
from console.ports import Levels, Publish, Update
from console.records.feed import FedConsole
from console.settings.loading import Settings, load
from console.settings.values import Address


class Quiet:
    """A console that publishes one update, and ends."""

    async def run(self, publish: Publish) -> None:
        publish(Update(State(Policy("h")), (), 1.8e9))

    def send(self, event: Event) -> None:
        raise AssertionError(event)

    def levels(self, call: CallId) -> Levels:
        return Levels()

    def now(self) -> float:
        return 0.0

    def stop(self) -> None:
        raise AssertionError


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"PATH": "/usr/bin", "CONSOLE_DATA_DIR": str(tmp_path)}, tmp_path).settings


def test_switched_off(settings: Settings) -> None:
    console = Quiet()
    with _api_beside(console, replace(settings, api=None)) as (used, word, trouble):
        assert used is console
        assert (word, trouble) == ("off", ())


def test_a_taken_port_is_said_and_nothing_more(settings: Settings) -> None:
    console = Quiet()
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = Address("127.0.0.1", other.getsockname()[1])
        with _api_beside(console, replace(settings, api=taken)) as (used, word, trouble):
            assert used is console
            assert word == "none"
            assert str(taken.port) in trouble[0]


def test_it_answers_from_the_first_update_on_and_not_after_the_end(settings: Settings) -> None:
    before = threading.active_count()
    with _api_beside(Quiet(), replace(settings, api=Address("127.0.0.1", 0))) as (used, word, trouble):
        assert isinstance(used, FedConsole)
        assert trouble == ()
        assert threading.active_count() == before, "libraries load when the screen is there"
        asyncio.run(used.run(lambda update: None))
        assert httpx.get(f"http://{word}/", timeout=60).json()["docs"] == "/docs"
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{word}/")
