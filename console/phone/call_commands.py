"""Commands for calls, each to the right call: before 3.19 Baresip applies most of them to its current one."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Coroutine

from ..core.events import CallId, ClosedBy, Event, Ignored, PhoneClosed, PhoneTransferFailed
from ..core.text import clean
from ..core.words import phrase
from .baresip_version import Version
from .ctrl_client import CtrlClient, LinkLost
from .ctrl_listings import ListedCall, parse_calls, parse_current_call
from .ctrl_messages import CommandRefused, Response
from .dialogs import Dialog, Dialogs

_ID = re.compile(r"[A-Za-z0-9.!%*_+~'()@:/?-]{1,200}\Z")
_DIGITS = re.compile(r"[0-9*#a-dA-D]{1,64}\Z")
_TRIES = 3


class CallCommands:
    """Dials, answers and ends calls, and looks after what each command came to.

    `own`: nobody else places calls on this Baresip. `closed_within`: seconds that a hang-up may take before
    it is looked into. `tell` gets events; `save` is called when a call is about to be dialed. The methods
    that send raise `LinkLost`.
    """

    def __init__(
        self,
        client: CtrlClient,
        own: bool,
        closed_within: float,
        tell: Callable[[list[Event]], None],
        save: Callable[[], None],
    ) -> None:
        self.version = Version(1, 0)
        self.dialogs = Dialogs(self.version, lambda: CallId(""))
        self._client = client
        self._own = own
        self._closed_within = closed_within
        self._tell = tell
        self._save = save
        self._dialing = asyncio.Lock()
        self._undialed: set[CallId] = set()
        self._hanging_up: set[CallId] = set()
        self._closings: dict[CallId, asyncio.Event] = {}

    # ---- dialing ----

    def dial(self, call: CallId, uri: str) -> Coroutine[object, object, None]:
        """Dial when earlier ones are dialed; may be forgotten until then."""
        self._undialed.add(call)
        return self._dial(call, uri)

    def forget_dial(self, call: CallId) -> bool:
        """Whether this call was still to be dialed; it never will be."""
        if call not in self._undialed:
            return False
        self._undialed.remove(call)
        self._tell([PhoneClosed(call, None, "hung up", ClosedBy.OPERATOR)])
        return True

    async def _dial(self, call: CallId, uri: str) -> None:
        async with self._dialing:
            if call not in self._undialed:
                return
            self._undialed.remove(call)
            dialogs = self.dialogs
            dialogs.dial(call, uri)
            self._save()
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
                await self._close_if_gone(dialog, phrase("Baresip did not place the call"), ClosedBy.NETWORK)

    # ---- hanging up ----

    async def hang_up(self, call: CallId) -> None:
        """Hang up and see that the call ends."""
        dialog = self.dialogs.find(call)
        if dialog is None or call in self._hanging_up:
            return
        self._hanging_up.add(call)
        try:
            await self._hang_up_until_closed(dialog)
        finally:
            self._hanging_up.discard(call)

    def closed(self, call: CallId) -> None:
        """The call is over."""
        if closing := self._closings.pop(call, None):
            closing.set()

    async def wait_closed(self, call: CallId) -> None:
        """Return when the call is over."""
        if self.dialogs.find(call) is not None:
            await self._closings.setdefault(call, asyncio.Event()).wait()

    async def _hang_up_until_closed(self, dialog: Dialog) -> None:
        async with self._dialing:  # its id comes with the response to `dial`
            pass
        for _ in range(_TRIES):
            if self.dialogs.find(dialog.call) is None:
                return
            await self._hang_up_once(dialog)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._closed_within):
                    await self.wait_closed(dialog.call)
            await self._close_if_gone(dialog, "hung up", ClosedBy.OPERATOR)
        if self.dialogs.find(dialog.call) is not None:
            dialog.hanging_up = False
            self._tell([Ignored("baresip", phrase("the phone does not end the call"), dialog.call)])

    async def _hang_up_once(self, dialog: Dialog) -> None:
        if self._addressable(dialog):
            await self._client.request("hangup", dialog.sip_call_id)
        elif await self._make_current(dialog):
            await self._client.request("hangup")

    async def end_if_listed(self, dialog: Dialog) -> None:
        """Hang up a call that counts as over, should the phone still have it."""
        for _ in range(_TRIES):
            listing = await self._client.request("listcalls")
            if not any(_is_same(call, dialog) for call in parse_calls(listing.data)):
                return
            await self._hang_up_once(dialog)
            # It is forgotten already, so no event tells that it is gone.
            await asyncio.sleep(self._closed_within)

    async def _close_if_gone(self, dialog: Dialog, reason: str, by: ClosedBy) -> None:
        if self.dialogs.find(dialog.call) is None:
            return

        def look(listing: Response) -> None:
            if not any(_is_same(call, dialog) for call in parse_calls(listing.data)):
                self._tell(self.dialogs.close(dialog.call, reason, by))

        await self._client.request("listcalls", then=look)

    # ---- the rest ----

    async def answer(self, call: CallId) -> None:
        """Accept an incoming call; from then on it is ours to end."""
        dialog = self.dialogs.find(call)
        if dialog is None:
            return
        dialog.ours = True
        response = await self._client.request(
            "accept", dialog.sip_call_id if self._addressable(dialog) else ""
        )
        if not response.ok:
            await self._close_if_gone(dialog, phrase("the caller was gone"), ClosedBy.REMOTE)

    async def send_digits(self, call: CallId, digits: str) -> None:
        """Send keys (`0-9*#A-D`) to the far side."""
        dialog = self.dialogs.find(call)
        if dialog is None or not _DIGITS.match(digits):
            self._tell([Ignored("baresip", phrase("these keys cannot be sent"), call)])
        elif await self._make_current(dialog):
            await self._client.request("sndcode", digits)

    async def transfer(self, call: CallId, uri: str) -> None:
        """Send REFER; the call closes when the far side has done it."""
        dialog = self.dialogs.find(call)
        if dialog is None or not await self._make_current(dialog):
            self._tell([PhoneTransferFailed(call, phrase("the call cannot be addressed"))])
            return
        response = await self._client.request("transfer", uri)
        if not response.ok:
            self._tell([PhoneTransferFailed(call, clean(response.data) or phrase("no reason given"))])

    async def after_failed_transfer(self, call: CallId) -> None:
        """1.0.0 drops the call whose transfer failed, and tells nothing of that."""
        dialog = self.dialogs.find(call)
        if dialog is not None:
            await self._close_if_gone(dialog, "dropped after a failed transfer", ClosedBy.NETWORK)

    # ---- which call a command hits ----

    def _addressable(self, dialog: Dialog) -> bool:
        return self.version.hangs_up_by_id and bool(_ID.match(dialog.sip_call_id))

    async def _make_current(self, dialog: Dialog) -> bool:
        """Make sure that a command without an id hits this call."""
        if self._own and len(self.dialogs) == 1 and self.dialogs.find(dialog.call) is dialog:
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


def _is_same(listed: ListedCall, dialog: Dialog) -> bool:
    if listed.sip_call_id and dialog.sip_call_id:
        return listed.sip_call_id == dialog.sip_call_id
    return listed.peer_uri == dialog.peer_uri
