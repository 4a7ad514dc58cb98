"""Reactions to what ElevenLabs says of the account, and of conversations that are over."""

from __future__ import annotations

from dataclasses import replace

from .draft import Draft
from .effects import Amend
from .events import AccountEvent, AccountRead, CallReviewed, Refusal
from .on_agent import STOP_WORDS
from .state import Account, Review
from .words import joined


def react(d: Draft, event: AccountEvent) -> None:
    if isinstance(event, AccountRead):
        _account(d, event)
    else:
        _reviewed(d, event)


def _account(d: Draft, event: AccountRead) -> None:
    """Credits that are known to be used up stop dialing until the operator confirms, or they are back. A
    refusal for want of credits while the account has some is about another limit (of the key, say), which
    only the operator can know."""
    before = d.state.account
    account = Account(
        known=True,
        agent=event.agent,
        credits=event.credits,
        empty=event.empty,
        resets_at=event.resets_at,
        doubts=event.doubts,
        accepted=before.accepted and event.empty,
        trouble=event.trouble,
    )
    if account == before:
        return
    if event.trouble:  # nothing else is news: what was known stays
        d.change(account=replace(before, trouble=event.trouble))
        if event.trouble != before.trouble:
            d.record("account.trouble", trouble=event.trouble)
        return
    d.change(account=account)
    if account != replace(before, resets_at=account.resets_at):  # another date alone is no news
        doubts = joined(" ", event.doubts)
        d.record(
            "account",
            agent=event.agent,
            credits=event.credits,
            empty=event.empty,
            resets_at=event.resets_at,
            doubts=doubts,
        )
    if event.empty and not account.accepted and not d.state.stopped:
        d.change(stopped=STOP_WORDS[Refusal.CREDITS], stopped_by=Refusal.CREDITS)
        d.record("dialing.stopped", why=STOP_WORDS[Refusal.CREDITS], refusal=Refusal.CREDITS.value)
    elif before.empty and not event.empty and event.credits and d.state.stopped_by is Refusal.CREDITS:
        d.change(stopped="", stopped_by=None)
        d.record("dialing.allowed", origin="credits")


def _reviewed(d: Draft, event: CallReviewed) -> None:
    call = next((c for c in d.state.ended if c.id == event.call), None)
    if call is None:
        return
    review = Review(event.credits, event.usd, event.termination, event.summary, event.why)
    call = replace(call, review=review)
    d.change(ended=tuple(call if c.id == call.id else c for c in d.state.ended))
    d.do(Amend(call))
    d.record(
        "call.review",
        call.id,
        conversation_id=event.conversation_id,
        credits=event.credits,
        usd=event.usd,
        termination=event.termination,
        summary=event.summary,
        why=event.why,
        **({"demo": True} if d.state.policy.demo else {}),
    )
