"""One Baresip under control: what it tells becomes events, what the console wants becomes commands.

It lives from the start of a Baresip to its end and survives losses of the control link.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, field

from ..core.events import (
    CallId,
    ClosedBy,
    Event,
    Ignored,
    LineDown,
    LineUp,
    PhoneClosed,
    RegistrationChanged,
    RegState,
)
from ..ports import Emit
from .baresip_version import Version, parse_version
from .ctrl_client import CtrlClient, LinkLost, LinkTimes, Loss
from .ctrl_listings import ListedAccount, ListedCall, parse_accounts, parse_calls, parse_current_call
from .ctrl_messages import Cause, CommandRefused, PhoneMessage, Response, Unreadable
from .dialogs import Dialog, Dialogs
from .known_calls import KnownCalls
from .line_events import LineEvents

ENGINE = "baresip"

_CALL_EVENTS = ("CALL_", "TRANSFER", "AUDIO_ERROR")
_ID = re.compile(r"[A-Za-z0-9.!%*_+~'()@:/?-]{1,200}\Z")
_DIGITS = re.compile(r"[0-9*#a-dA-D]{1,64}\Z")
_HANG_UP_TRIES = 3


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

    `up` is set while commands are answered, `silent` once one was not; `unusable` says, if ever, why this
    Baresip can never work. `reg_failure`: why registering failed, if that was seen before the link was up.
    """

    def __init__(
        self, setup: LineSetup, emit: Emit, known: KnownCalls, times: LinkTimes | None = None
    ) -> None:
        self.up = asyncio.Event()
        self.was_up = False
        self.silent = asyncio.Event()
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
        self._dialing = asyncio.Lock()
        self._undialed: set[CallId] = set()
        self._hanging_up: set[CallId] = set()
        self._closings: dict[CallId, asyncio.Event] = {}
        self._reregistering = False
        self._tasks: asyncio.TaskGroup | None = None
        self._last_down: LineDown | None = None

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
        self._undialed.add(call)
        if not self._start(self._dial(call, uri)):
            self._emit(PhoneClosed(call, None, "the phone is not running", ClosedBy.NETWORK))

    def hang_up(self, call: CallId) -> None:
        dialog = self._dialogs.find(call)
        if call in self._undialed:
            self._undialed.remove(call)
            self._emit(PhoneClosed(call, None, "hung up", ClosedBy.OPERATOR))
        elif dialog is not None and not dialog.hanging_up:
            self._dialogs.hang_up(call)
            self._start_hang_up(dialog)

    def answer(self, call: CallId) -> None:
        if dialog := self._dialogs.find(call):
            dialog.ours = True
            self._start(self._answer(dialog))

    def register(self) -> None:
        self._client.take_back()
        if self.up.is_set():
            self._start(self._register())

    def send_digits(self, call: CallId, digits: str) -> None:
        dialog = self._dialogs.find(call)
        if dialog is None or not _DIGITS.match(digits):
            self._emit(Ignored(ENGINE, "these keys cannot be sent", call))
            return
        self._start(self._send_digits(dialog, digits))

    def quit(self) -> None:
        """Ask the program to end; it sends BYE for every call."""
        self._start(self._client.request("quit"))

    async def hang_up_ours(self) -> None:
        """Hang up every call that is ours, and return when they are closed."""
        closings = [self._closing(d.call) for d in self._dialogs if d.ours or self._setup.own]
        for dialog in self._dialogs:
            if dialog.ours or self._setup.own:
                self.hang_up(dialog.call)
        for closing in closings:
            await closing.wait()

    # ---- the link ----

    async def link_up(self) -> None:
        about = await self._client.request("about")
        self._know_version(parse_version(about.data))
        if self._reregistering:
            await self._make_account()  # the link was lost between deleting it and making it anew
        accounts = parse_accounts((await self._client.request("reginfo", then=self._check_menu)).data)
        account = self._account(accounts)
        if self.unusable.done():
            return
        current = None
        if not self._now.has_call_ids:
            current = parse_current_call((await self._client.request("callstat")).data)

        def usable(listing: Response) -> None:
            # Only now: a call that is dialed before the listing would be missing in it, and count as over.
            self._last_down = None
            self.up.set()
            self.was_up = True
            self._emit(LineUp(ENGINE, str(self._version or "unknown"), self._now.answered_is_2xx))
            if account is not None:
                self._emit(self._registration(account))
            self._resync(listing, current)

        await self._client.request("listcalls", then=usable)
        for dialog in self._dialogs:
            if dialog.hanging_up:
                self._start_hang_up(dialog)

    def message(self, message: PhoneMessage | Unreadable) -> None:
        if isinstance(message, Unreadable):
            self._emit(Ignored(ENGINE, message.why))
        elif self._version is None:
            self._early.append(message)
        elif message.type.startswith(_CALL_EVENTS):
            self._tell(self._dialogs.receive(message))
        else:
            self._tell(self._line_events.receive(message))

    def link_down(self, loss: Loss, reason: str) -> None:
        self.up.clear()
        if loss is Loss.SILENT:
            self.silent.set()
        # While our own program runs its port may not be open yet; its end is seen by the process.
        if self._setup.own and loss in (Loss.REFUSED, Loss.UNREACHABLE):
            return
        gone = loss is Loss.REFUSED
        if gone:
            self._forget_calls()
        down = LineDown(reason, gone, taken_over=loss is Loss.TAKEN_OVER)
        if down != self._last_down:
            self._last_down = down
            self._emit(down)

    def ended(self) -> None:
        """The program is gone, and every call with it."""
        self.up.clear()
        self._forget_calls()

    # ---- telling ----

    @property
    def _now(self) -> Version:
        return self._version or Version(1, 0)

    def _know_version(self, version: Version | None) -> None:
        if version is None:
            self._emit(Ignored(ENGINE, "the program does not say which version it is"))
            version = Version(1, 0)
        if self._version != version:
            self._version, self._dialogs = version, Dialogs(version, _new_call)
        early, self._early = self._early, []
        for message in early:
            self.message(message)

    def _check_menu(self, response: Response) -> None:
        if not response.ok and "command not found" in response.data:
            where = f"{self._setup.host}:{self._setup.port}"
            self._give_up(f"The Baresip at {where} cannot dial: add `module_app menu.so` to its config.")

    def _give_up(self, reason: str) -> None:
        if not self.unusable.done():
            self.unusable.set_result(reason)

    def _account(self, accounts: tuple[ListedAccount, ...]) -> ListedAccount | None:
        wanted = self._setup.account
        found = next((a for a in accounts if a.aor.casefold() == wanted.casefold()), None)
        if found is None and self._setup.own:
            self._give_up(f"Baresip did not accept the SIP account {wanted}; check SIP_USER and SIP_DOMAIN.")
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
            if isinstance(event, PhoneClosed) and event.call in self._closings:
                self._closings.pop(event.call).set()
        if events:
            self._known.save(self.calls)

    def _forget_calls(self) -> None:
        self._dialogs.clear()
        for closing in self._closings.values():
            closing.set()
        self._closings.clear()
        self._known.save([])

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

    async def _dial(self, call: CallId, uri: str) -> None:
        async with self._dialing:
            if call not in self._undialed:
                return
            self._undialed.remove(call)
            if not self.up.is_set():
                self._emit(PhoneClosed(call, None, "the phone cannot be reached", ClosedBy.NETWORK))
                return
            dialogs = self._dialogs
            dialogs.dial(call, uri)
            self._known.save(self.calls)
            try:
                await self._client.request("dial", uri, then=lambda r: self._tell(dialogs.dialed(call, r)))
            except CommandRefused as refused:
                self._tell(dialogs.dialed(call, Response(False, str(refused), None)))
            except LinkLost:
                self._tell(dialogs.dialed(call, None))
                raise
            dialog = dialogs.find(call)
            if dialog is not None and not dialog.seen:
                # 1.0.0 says "ok" to a `dial` that does nothing.
                await self._close_if_gone(dialog, "Baresip did not place the call", ClosedBy.NETWORK)

    def _start_hang_up(self, dialog: Dialog) -> None:
        if dialog.call not in self._hanging_up:
            self._hanging_up.add(dialog.call)
            self._start(self._hang_up(dialog))

    async def _hang_up(self, dialog: Dialog) -> None:
        try:
            await self._hang_up_until_closed(dialog)
        finally:
            self._hanging_up.discard(dialog.call)

    async def _hang_up_until_closed(self, dialog: Dialog) -> None:
        async with self._dialing:  # its id comes with the response to `dial`
            pass
        closing = self._closing(dialog.call)
        for _ in range(_HANG_UP_TRIES):
            if self._dialogs.find(dialog.call) is None:
                return
            await self._hang_up_command(dialog)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._setup.closed_within):
                    await closing.wait()
            await self._close_if_gone(dialog, "hung up", ClosedBy.OPERATOR)
        dialog.hanging_up = False
        self._emit(Ignored(ENGINE, "the phone does not end the call", dialog.call))

    async def _hang_up_command(self, dialog: Dialog) -> None:
        if self._addressable(dialog):
            await self._client.request("hangup", dialog.sip_call_id)
        elif await self._make_current(dialog):
            await self._client.request("hangup")

    async def _answer(self, dialog: Dialog) -> None:
        if self._addressable(dialog):
            response = await self._client.request("accept", dialog.sip_call_id)
        else:
            response = await self._client.request("accept")
        if not response.ok:
            await self._close_if_gone(dialog, "the caller was gone", ClosedBy.REMOTE)

    async def _send_digits(self, dialog: Dialog, digits: str) -> None:
        if await self._make_current(dialog):
            await self._client.request("sndcode", digits)

    async def _register(self) -> None:
        if len(self._dialogs):
            self._emit(Ignored(ENGINE, "not registered again: there is a call"))
        elif self._setup.own and not self._setup.register:
            self._emit(RegistrationChanged(RegState.OFF))
        elif self._now.has_uareg:
            await self._register_again()
        elif self._setup.account_line:
            self._reregistering = True
            await self._client.request("uadel", self._setup.account)
            await self._make_account()
        else:
            self._emit(Ignored(ENGINE, f"Baresip {self._version} cannot register again by command"))

    async def _make_account(self) -> None:
        # The answer echoes the password: nobody may look at more of it than this.
        if not (await self._client.request("uanew", self._setup.account_line)).ok:
            self._emit(RegistrationChanged(RegState.FAILED, None, "Baresip did not take the account"))
        self._reregistering = False

    async def _register_again(self) -> None:
        accounts = parse_accounts((await self._client.request("reginfo")).data)
        account = next((a for a in accounts if a.aor == self._line_events.account), None)
        if account is None or account.state is RegState.OFF:
            self._emit(RegistrationChanged(RegState.OFF))
            return
        await self._client.request("uareg", f"{account.expires or 600} {account.index}")

    # ---- which call a command hits ----

    def _addressable(self, dialog: Dialog) -> bool:
        return self._now.hangs_up_by_id and bool(_ID.match(dialog.sip_call_id))

    async def _make_current(self, dialog: Dialog) -> bool:
        """Make sure that a command without an id hits this call."""
        if self._setup.own and len(self._dialogs) == 1:
            return True
        for attempt in range(2):
            current = parse_current_call((await self._client.request("callstat")).data)
            if current is not None and _is_same(current, dialog):
                return True
            if attempt == 0:
                await self._select(dialog)
        return False

    async def _select(self, dialog: Dialog) -> None:
        if _ID.match(dialog.sip_call_id):
            await self._client.request("callfind", dialog.sip_call_id)
            return
        listed = parse_calls((await self._client.request("listcalls")).data)
        if found := next((call for call in listed if _is_same(call, dialog)), None):
            await self._client.request("line", str(found.line))

    async def _close_if_gone(self, dialog: Dialog, reason: str, by: ClosedBy) -> None:
        if self._dialogs.find(dialog.call) is None:
            return

        def look(listing: Response) -> None:
            calls = parse_calls(listing.data)
            if not any(_is_same(call, dialog) for call in calls):
                self._tell(self._dialogs.close(dialog.call, reason, by))

        await self._client.request("listcalls", then=look)

    def _closing(self, call: CallId) -> asyncio.Event:
        return self._closings.setdefault(call, asyncio.Event())


def _is_same(listed: ListedCall, dialog: Dialog) -> bool:
    if listed.sip_call_id and dialog.sip_call_id:
        return listed.sip_call_id == dialog.sip_call_id
    return listed.peer_uri == dialog.peer_uri


def _new_call() -> CallId:
    return CallId(uuid.uuid4().hex[:12])
