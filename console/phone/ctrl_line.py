"""One Baresip under control: what it tells becomes events, what the console wants becomes commands.

It lives from the start of a Baresip to its end and survives losses of the control link.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, field

from .. import tcp_table
from ..core.events import (
    CallId,
    ClosedBy,
    Event,
    Ignored,
    LineDown,
    LineSilent,
    LineUp,
    PhoneClosed,
    PhoneTransferFailed,
    RegistrationChanged,
    RegState,
)
from ..core.words import phrase
from ..ports import Emit
from .baresip_version import Version, parse_version
from .call_commands import CallCommands
from .ctrl_client import CtrlClient, LinkLost, LinkTimes, Loss
from .ctrl_listings import ListedAccount, ListedCall, parse_accounts, parse_calls, parse_current_call
from .ctrl_messages import Cause, CommandRefused, PhoneMessage, Response, Unreadable
from .dialogs import Dialog, Dialogs
from .known_calls import KnownCalls
from .line_events import LineEvents

ENGINE = "baresip"

_HELD = 0.1
"""Seconds that the end of the link waits for the end of our own program."""

_CALL_EVENTS = ("CALL_", "TRANSFER", "AUDIO_ERROR")


@dataclass(frozen=True, slots=True)
class LineSetup:
    """`account`: our address of record, empty when joining without one. `account_line`: makes it anew
    (holds the password), empty: never touch the accounts. `own`: the program is ours alone. `closed_within`:
    seconds that a hang-up may take before it is looked into."""

    host: str
    port: int
    account: str
    own: bool
    register: bool
    account_line: str = field(default="", repr=False)
    closed_within: float = 2.0


class CtrlLine:
    """The calls and the registration of one Baresip.

    `up` is set while commands are answered, `silent` once one was not, `intruded` once another user of this
    machine holds the link to a program of our own; `unusable` says, if ever, why this Baresip can never work.
    `reg_failure`: why registering failed, if that was seen before the link was up.
    """

    def __init__(
        self, setup: LineSetup, emit: Emit, known: KnownCalls, times: LinkTimes | None = None
    ) -> None:
        self.up = asyncio.Event()
        self.was_up = False
        self.silent = asyncio.Event()
        self.intruded = asyncio.Event()
        self.unusable: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.reg_failure: Cause | None = None
        self._setup = setup
        self._emit = emit
        self._known = known
        self._client = CtrlClient(setup.host, setup.port, self, times)
        self._version: Version | None = None
        self._dialogs = Dialogs(Version(1, 0), _new_call)
        self._line_events = LineEvents()
        self._early: list[PhoneMessage] = []
        self._commands = CallCommands(self._client, setup.own, setup.closed_within, self._tell, self._save)
        self._reregistering = False
        self._tasks: asyncio.TaskGroup | None = None
        self._last_down: LineDown | None = None
        self._held_down: LineDown | None = None

    @property
    def calls(self) -> list[Dialog]:
        """Calls on this phone."""
        return list(self._dialogs)

    async def run(self) -> None:
        """Keep the link until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                await self._client.run()
            finally:
                self._tasks = None

    # ---- what the console wants; nothing here waits ----

    def dial(self, call: CallId, uri: str) -> None:
        if not self.up.is_set() or not self._start(self._commands.dial(call, uri)):
            self._emit(PhoneClosed(call, None, phrase("the phone cannot be reached"), ClosedBy.NETWORK))

    def hang_up(self, call: CallId) -> None:
        if not self._commands.forget_dial(call):
            self._dialogs.hang_up(call)
            self._start(self._commands.hang_up(call))

    def answer(self, call: CallId) -> None:
        self._start(self._commands.answer(call))

    def register(self) -> None:
        self._client.take_back()
        if self.up.is_set():
            self._start(self._register())

    def send_digits(self, call: CallId, digits: str) -> None:
        self._start(self._commands.send_digits(call, digits))

    def transfer(self, call: CallId, uri: str) -> None:
        self._start(self._commands.transfer(call, uri))

    def hung_up(self, peer_uri: str, cause: str) -> None:
        """The program's output says that the far side has ended the session with this peer; CALL_CLOSED will
        follow when the audio devices have drained, some 100 ms later. A stranger can have a message printed
        that looks the same, so a call that is still there afterwards is hung up."""
        if dialog := self._dialogs.established_with(peer_uri):
            self._tell(self._dialogs.closed(dialog, cause))
            self._start(self._commands.end_if_listed(dialog))

    def quit(self) -> None:
        """Ask the program to end; it sends BYE for every call."""
        self._start(self._client.request("quit"))

    async def hang_up_ours(self) -> None:
        """Hang up every call that is ours, and return when they are closed."""
        ours = [d.call for d in self._dialogs if d.ours or self._setup.own]
        for call in ours:
            self.hang_up(call)
        for call in ours:
            await self._commands.wait_closed(call)

    @property
    def _doomed(self) -> bool:
        """Our own program, which is about to be ended: no call may begin on it any more."""
        return self._setup.own and (self.silent.is_set() or self.intruded.is_set())

    # ---- the link ----

    async def link_up(self) -> None:
        about = await self._client.request("about")
        self._know_version(parse_version(about.data))
        if self._reregistering:
            await self._renew_account()  # the link was lost meanwhile
        accounts = parse_accounts((await self._client.request("reginfo", then=self._check_menu)).data)
        account = self._account(accounts)
        if self.unusable.done():
            return
        current = None
        if not self._now.has_call_ids:
            current = parse_current_call((await self._client.request("callstat")).data)

        def usable(listing: Response) -> None:
            # Only now: a call that is dialed before the listing would be missing in it, and count as over.
            self._tell_down()
            self._last_down = None
            self.up.set()
            self.was_up = True
            if not self._doomed:
                self._emit(LineUp(ENGINE, str(self._version or "unknown"), self._now.answered_is_2xx))
            if account is not None and not self._doomed:
                self._emit(self._registration(account))
            self._resync(listing, current)
            early, self._early = self._early, []
            for message in early:
                self.message(message)

        await self._client.request("listcalls", then=usable)
        for dialog in self._dialogs:
            if dialog.hanging_up:
                self._start(self._commands.hang_up(dialog.call))

    def message(self, message: PhoneMessage | Unreadable) -> None:
        if isinstance(message, Unreadable):
            self._emit(Ignored(ENGINE, message.why))
        elif not (self.up.is_set() or self._dialogs.knows(message)):
            # What the listing is about to explain, e.g. a call that an earlier console dialed.
            self._early.append(message)
        elif message.type.startswith(_CALL_EVENTS):
            self._tell(self._dialogs.receive(message))
        else:
            self._tell(self._line_events.receive(message))

    def link_silent(self, silent: bool) -> None:
        self._emit(LineSilent(silent))

    def link_down(self, loss: Loss, reason: str) -> None:
        self.up.clear()
        self._early.clear()
        if loss is Loss.SILENT:
            self.silent.set()
        if loss is Loss.TAKEN_OVER and self._setup.own:
            sockets = tcp_table.read() or ()
            if tcp_table.other_users(sockets, self._setup.host, self._setup.port, os.geteuid()):
                self.intruded.set()
        # While our own program runs its port may not be open yet; its end is seen by the process.
        if self._setup.own and loss in (Loss.REFUSED, Loss.UNREACHABLE):
            return
        gone = loss is Loss.REFUSED
        if gone:
            self._forget_calls()
        self._held_down = LineDown(reason, gone, taken_over=loss is Loss.TAKEN_OVER)
        if self._setup.own and loss is Loss.CLOSED:
            # When the program itself ended, that is told within moments, and says more.
            asyncio.get_running_loop().call_later(_HELD, self._tell_down)
        else:
            self._tell_down()

    def ended(self) -> None:
        """The program is gone, and every call with it."""
        self.up.clear()
        self._held_down = None
        self._forget_calls()

    # ---- telling ----

    def _tell_down(self) -> None:
        down, self._held_down = self._held_down, None
        if down is not None and down != self._last_down:
            self._last_down = down
            self._emit(down)

    @property
    def _now(self) -> Version:
        return self._version or Version(1, 0)

    def _know_version(self, version: Version | None) -> None:
        if version is None:
            self._emit(Ignored(ENGINE, phrase("the program does not say which version it is")))
            version = Version(1, 0)
        if self._version != version:
            self._version = version
            self._dialogs = self._commands.dialogs = Dialogs(version, _new_call)
            self._commands.version = version

    def _check_menu(self, response: Response) -> None:
        if not response.ok and "command not found" in response.data:
            where = f"{self._setup.host}:{self._setup.port}"
            self._give_up(
                phrase(
                    "The Baresip at {where} cannot dial: add `module_app menu.so` to its config.", where=where
                )
            )

    def _give_up(self, reason: str) -> None:
        if not self.unusable.done():
            self.unusable.set_result(reason)

    def _account(self, accounts: tuple[ListedAccount, ...]) -> ListedAccount | None:
        wanted = self._setup.account
        found = next((a for a in accounts if a.aor.casefold() == wanted.casefold()), None)
        if found is None and self._setup.own:
            self._give_up(
                phrase(
                    "Baresip did not accept the SIP account {wanted}; check SIP_USER and SIP_DOMAIN.",
                    wanted=wanted,
                )
            )
        elif found is None and accounts:
            found = accounts[0]
        if found is not None:
            self._line_events.account = found.aor
        return found

    def _registration(self, account: ListedAccount) -> RegistrationChanged:
        if self._setup.own and not self._setup.register:
            return RegistrationChanged(RegState.OFF)
        if account.state is RegState.FAILED and self.reg_failure is not None:
            return RegistrationChanged(RegState.FAILED, self.reg_failure.code, self.reg_failure.phrase)
        return RegistrationChanged(account.state, 200 if account.state is RegState.OK else None)

    def _resync(self, listing: Response, current: ListedCall | None) -> None:
        listed = parse_calls(listing.data)
        if current is not None:
            # `listcalls` of 1.0.0 has no ids; `callstat` has, for the current call.
            listed = tuple(
                current if call.current and call.peer_uri == current.peer_uri else call for call in listed
            )
        self._tell(self._dialogs.resync(listed, self._known.is_ours))

    def _tell(self, events: list[Event]) -> None:
        for event in events:
            self._emit(event)
            if isinstance(event, PhoneClosed):
                self._commands.closed(event.call)
            elif isinstance(event, PhoneTransferFailed) and not self._now.has_call_ids:
                self._start(self._commands.after_failed_transfer(event.call))
        if events:
            self._save()

    def _save(self) -> None:
        self._known.save(self.calls)

    def _forget_calls(self) -> None:
        for dialog in self._dialogs:
            self._commands.closed(dialog.call)
        self._dialogs.clear()
        self._save()

    # ---- commands ----

    def _start(self, work: Coroutine[object, object, object]) -> bool:
        if self._tasks is None:
            work.close()
            return False
        self._tasks.create_task(self._guarded(work))
        return True

    async def _guarded(self, work: Coroutine[object, object, object]) -> None:
        # What a lost link leaves open is settled by the resynchronisation that follows.
        try:
            await work
        except LinkLost:
            pass
        except CommandRefused as refused:
            self._emit(Ignored(ENGINE, str(refused)))

    async def _register(self) -> None:
        if len(self._dialogs):
            self._emit(Ignored(ENGINE, phrase("not registered again: there is a call")))
        elif self._setup.own and not self._setup.register:
            self._emit(RegistrationChanged(RegState.OFF))
        elif self._now.has_uareg:
            await self._register_again()
        elif self._setup.account_line:
            await self._renew_account()
        else:
            self._emit(
                Ignored(
                    ENGINE,
                    phrase("Baresip {version} cannot register again by command", version=self._version),
                )
            )

    async def _renew_account(self) -> None:
        """Before 2.0 an account registers again only by being made anew. The new one first: Baresip goes on
        using one that was deleted as its last, and the next INVITE then comes out of freed memory."""
        self._reregistering = True
        aor = self._setup.account
        accounts = parse_accounts((await self._client.request("reginfo")).data)
        if sum(account.aor.casefold() == aor.casefold() for account in accounts) < 2:
            # The answer echoes the password: nobody may look at more of it than this.
            made = await self._client.request("uanew", self._setup.account_line)
            if not made.ok:
                self._emit(
                    RegistrationChanged(RegState.FAILED, None, phrase("Baresip did not take the account"))
                )
                self._reregistering = False
                return
        await self._client.request("uadel", aor)
        self._reregistering = False

    async def _register_again(self) -> None:
        accounts = parse_accounts((await self._client.request("reginfo")).data)
        account = next((a for a in accounts if a.aor == self._line_events.account), None)
        if account is None or account.state is RegState.OFF:
            self._emit(RegistrationChanged(RegState.OFF))
            return
        await self._client.request("uareg", f"{account.expires or 600} {account.index}")


def _new_call() -> CallId:
    return CallId(uuid.uuid4().hex[:12])
