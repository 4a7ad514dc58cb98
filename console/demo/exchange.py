"""The telephone exchange of the demo line: `python -m console.demo.exchange [--port N] [--report] ...`

A SIP registrar and far end on 127.0.0.1 whose subscribers are the characters of `cast.CAST`. The first
line on stdout is `{"event": "ready", "sip": "127.0.0.1:PORT"}`; with `--report` one JSON line follows for all
that happens. With `CONSOLE_DEMO_SIP_PASSWORD` set, REGISTER and INVITE are challenged. Ends at SIGTERM
or SIGINT with every call ended.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import Callable
from importlib import import_module

from . import clips
from .callee import Callee
from .caller import Caller
from .cast import CAST, Character
from .leg import ALLOW, House, Leg
from .media import Clock
from .registrar import Registrar
from .sip_messages import Request, address, parameters, parse_uri, respond
from .transactions import LIFE, Address, SipSocket

PASSWORD_VARIABLE = "CONSOLE_DEMO_SIP_PASSWORD"

RTP_TIMEOUT = 20.0
"""Seconds without a packet from the far end after which a call is ended: its phone died without a BYE."""


class Exchange:
    """Routes requests to the calls, new calls to the characters, and lets characters call back."""

    def __init__(
        self,
        report: Callable[[dict[str, object]], None],
        passwords: dict[str, str],
        pace: float = 1.0,
        cast: tuple[Character, ...] = CAST,
        rtp_timeout: float = RTP_TIMEOUT,
        quiet: float = 0.0,
    ) -> None:
        self._report, self._pace, self._quiet = report, pace, quiet
        self._passwords, self._rtp_timeout = passwords, rtp_timeout
        self._by_number = {character.number.lstrip("+"): character for character in cast}
        self._legs: dict[str, Leg] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.sip = SipSocket(self._on_request)

    async def start(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._registrar = Registrar(self._passwords, loop.time)
        await self.sip.open(host, port)
        clock = Clock()
        self._house = House(self.sip, clock, clips.callee_speech(), self._say, self._pace, self._quiet)
        self._spawn(clock.run())

    async def stop(self) -> None:
        """End every call, then close."""
        await asyncio.gather(*(leg.stop() for leg in self._legs.values()))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.sip.close()

    def _on_request(self, request: Request, source: Address) -> None:
        leg = self._legs.get(request.get("call-id"))
        if request.method == "REGISTER":
            self._register(request, source)
        elif leg is not None:
            leg.on_request(request, source)
        elif request.method == "OPTIONS":
            self.sip.answer(request, respond(request, 200, to_tag="options", headers=ALLOW), source)
        elif request.method == "INVITE" and "tag" not in parameters(request.get("to")):
            self._invite(request, source)
        elif request.method != "ACK":
            self.sip.answer(request, respond(request, 481, to_tag="none"), source)

    def _register(self, request: Request, source: Address) -> None:
        refusal = self._registrar.admit(request)
        response = refusal or self._registrar.register(request, source)
        self.sip.answer(request, response, source)
        self._say("register", "", status=response.status, users=list(self._registrar.users()))

    def _invite(self, request: Request, source: Address) -> None:
        refusal = self._registrar.admit(request, proxy=True)
        if refusal is not None:
            self.sip.answer(request, refusal, source)
            return
        self.sip.answer(request, respond(request, 100), source)
        uri = parse_uri(request.uri)
        number = uri.user.lstrip("+") if uri else ""
        character = self._by_number.get(number)
        leg = Callee(self._house, request, source, any_codec=character is not None and character.any_codec)
        self._say("invite", leg.call_id, number=number, character=character.name if character else "")
        self._keep(leg)
        if character is None:
            leg.perform(lambda callee: callee.reject(404))
            return
        leg.perform(character.script)
        if character.calls_back is not None:
            self._spawn(self._call_back(leg, character))

    async def _call_back(self, asked: Callee, character: Character) -> None:
        await asked.ended.wait()
        await asyncio.sleep(2.0 * self._pace)
        target = address(asked.invite.get("contact"))
        caller = Caller(self._house, character.number, character.name, target, asked.peer)
        self._keep(caller)
        script = character.calls_back
        if script is not None:
            caller.perform(script)
            await caller.ended.wait()

    def _keep(self, leg: Leg) -> None:
        self._legs[leg.call_id] = leg
        self._spawn(self._forget(leg))
        self._spawn(leg.watch(self._rtp_timeout))
        if self._quiet:
            self._spawn(leg.watch_silence())

    async def _forget(self, leg: Leg) -> None:
        """Ended calls still answer what is repeated, vanished ones stay silent."""
        await leg.ended.wait()
        await asyncio.sleep(LIFE)
        self._legs.pop(leg.call_id, None)

    def _spawn(self, work: asyncio._CoroutineLike[None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _say(self, event: str, call_id: str, **fields: object) -> None:
        self._report({"event": event, "t": round(time.time(), 4), "call_id": call_id, **fields})


async def serve(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, done.set)
    password = os.environ.pop(PASSWORD_VARIABLE, "")
    passwords = {options.user: password} if password else {}
    more: tuple[Character, ...] = import_module(options.cast).CAST if options.cast else ()
    report = _print if options.report else lambda _: None
    cast = (*CAST, *more)
    exchange = Exchange(report, passwords, options.pace, cast, options.rtp_timeout, options.quiet)
    await exchange.start(options.host, options.port)
    _print({"event": "ready", "sip": f"{exchange.sip.host}:{exchange.sip.port}"})
    await done.wait()
    await exchange.stop()


def _print(fields: dict[str, object]) -> None:
    with contextlib.suppress(BrokenPipeError):  # whoever watched is gone
        print(json.dumps(fields, ensure_ascii=False), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m console.demo.exchange", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--user", default="console", help="the subscriber who may register")
    parser.add_argument("--pace", type=float, default=1.0, help="length of rings and pauses; 1 is as in life")
    parser.add_argument("--cast", default="", help="a module whose CAST lives on the line, too")
    parser.add_argument("--rtp-timeout", type=float, default=RTP_TIMEOUT, help="seconds until it hangs up")
    parser.add_argument("--quiet", type=float, default=0.0, help="report the last RTP packet after so long")
    parser.add_argument("--report", action="store_true")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
