"""What may be dialed, and as which SIP URI.

Everything that becomes a command to the phone passes here: ctrl_tcp joins command and parameters into one
command line, so a URI holds only characters that cannot start a second one.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

from . import emergency, numbering_plan, sip_uri
from .numbering_plan import e164_of
from .sip_uri import valid_domain
from .text import clean
from .words import enumerated, phrase, phrase_n


class Verdict(StrEnum):
    """`INCOMPLETE`: a number may still become of it; `CONFIRM`: dial it only when asked twice."""

    OK = "ok"
    CONFIRM = "confirm"
    REFUSED = "refused"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was typed, read. `uri` is complete for OK and CONFIRM and empty otherwise.

    `why`: one sentence for everything but OK. `e164`: `+79123456789`, empty when it is not a public number.
    `display`: the international format, or what was typed. `country`: `RU`; `kind`: `mobile`.
    """

    verdict: Verdict
    why: str = ""
    e164: str = ""
    uri: str = ""
    display: str = ""
    country: str = ""
    kind: str = ""

    @property
    def may_dial(self) -> bool:
        return self.verdict in (Verdict.OK, Verdict.CONFIRM)

    @property
    def label(self) -> str:
        """`mobile RU`; empty when unknown."""
        if not self.country:
            return self.kind
        return phrase("{kind} {country}", kind=self.kind, country=self.country)


_SEPARATORS = " \t\u00a0\u2007\u2009\u202f()./-\u2010\u2011\u2012\u2013\u2014\u2212"
_WITHOUT_SEPARATORS = str.maketrans("", "", _SEPARATORS)
_NUMBER = re.compile(r"\+?[0-9]{1,32}")
_EXTENSION = re.compile(r"(;\s*ext\b|\bext\b|доб|,|;|(?<=[0-9 )])\s*[xх]\s*[0-9])", re.IGNORECASE)
_LONGEST_TYPED = 64
_NO_DOMAIN = phrase("No SIP domain is set: fill in EXOLVE_SIP_DOMAIN or SIP_DOMAIN.")

_KINDS = {
    PhoneNumberType.FIXED_LINE: phrase("landline"),
    PhoneNumberType.MOBILE: phrase("mobile"),
    PhoneNumberType.TOLL_FREE: phrase("toll-free"),
    PhoneNumberType.PREMIUM_RATE: phrase("premium rate"),
    PhoneNumberType.SHARED_COST: phrase("shared cost"),
    PhoneNumberType.VOIP: phrase("VoIP"),
    PhoneNumberType.PERSONAL_NUMBER: phrase("personal"),
    PhoneNumberType.PAGER: phrase("pager"),
    PhoneNumberType.UAN: phrase("company"),
    PhoneNumberType.VOICEMAIL: phrase("voicemail"),
}
_COSTLY = (PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST)


def without_separators(text: str) -> str:
    """`text` without the characters that only make a number easier to read."""
    return text.strip().translate(_WITHOUT_SEPARATORS)


def judge(
    text: str,
    region: str,
    domain: str,
    e164: bool = False,
    never_call: AbstractSet[str] = frozenset(),
    answered_today: AbstractSet[str] = frozenset(),
) -> Judgement:
    """Read `text` as a telephone number typed in `region`, and as the URI at `domain` that dials it.

    `e164`: the user part keeps its `+`. `never_call`, `answered_today`: E.164 numbers.
    """
    shown = clean(text, _LONGEST_TYPED)
    digits = without_separators(text)
    if not digits or digits == "+":
        return Judgement(Verdict.INCOMPLETE, phrase("Type a number"), display=shown)
    unfit = _why_unfit(text, digits)
    if unfit:
        return Judgement(Verdict.REFUSED, unfit, display=shown)
    never = emergency.why_emergency(digits, region)
    number = None if never else numbering_plan.parse(digits, region)
    if number is None:
        return _no_number(digits, region, shown, never or _why_short(digits, region))
    return _judge_public(number, region, domain, e164, never_call, answered_today)


def judge_uri(
    text: str,
    domain: str,
    region: str = "RU",
    e164: bool = False,
    never_call: AbstractSet[str] = frozenset(),
    answered_today: AbstractSet[str] = frozenset(),
) -> Judgement:
    """Read `text` as a SIP URI (RFC 3261 section 19.1, without password, headers and unusual parameters), as
    `name@host`, or as a name or extension at `domain`. A public number in it is judged as one."""
    typed = text.strip()
    shown = clean(typed, _LONGEST_TYPED)
    if not typed:
        return Judgement(Verdict.INCOMPLETE, phrase("Type a name, an extension or a SIP URI"))
    if not typed.isascii() or not typed.isprintable() or " " in typed:
        return Judgement(
            Verdict.REFUSED, phrase("A SIP URI has only ASCII characters and no spaces."), display=shown
        )
    if "@" not in typed and ":" not in typed:
        return _judge_name(typed, domain, region, e164, never_call, answered_today)
    parts, unfit = sip_uri.parse(typed)
    if parts is None:
        return Judgement(Verdict.REFUSED, unfit, display=shown)
    return _judge_user(parts, f"{parts.user}@{parts.host}", region, never_call, answered_today)


def _why_unfit(text: str, digits: str) -> str:
    """Why the characters cannot be a number, or "". Nothing is ever dropped but separators."""
    if len(text) > _LONGEST_TYPED:
        return phrase("This is too long for a number.")
    if _NUMBER.fullmatch(digits):
        return ""
    if "@" in text or re.match(r"\s*sips?:", text, re.IGNORECASE):
        return phrase(
            "This is a SIP URI, not a number: dial it with u, or as sip:name@host on the command line."
        )
    if _EXTENSION.search(text) and any(c.isdigit() for c in text):
        return phrase(
            "An extension cannot be dialed: leave it out, the agent can press its digits after the answer."
        )
    odd = next((c for c in digits if not ("0" <= c <= "9" or c == "+")), "")
    if odd.isalpha():
        return phrase("A number has no letters: {odd!r}.", odd=clean(odd))
    if odd and not clean(odd):
        return phrase("There is an invisible character in this number: type it by hand.")
    if odd:
        return phrase("A number has only digits and a leading +, not {odd!r}.", odd=clean(odd))
    return phrase("A number has one + and only at its beginning.")


def _why_short(digits: str, region: str) -> str:
    # Longer ones (US 20255) also begin ordinary numbers: while one may still come, nothing is refused.
    if len(digits) > 3 and (numbering_plan.distance(digits, region) or 0) > 0:
        return ""
    return emergency.why_short_service(digits, region)


def _no_number(digits: str, region: str, shown: str, never: str) -> Judgement:
    if never:
        return Judgement(Verdict.REFUSED, never, display=shown)
    if digits.startswith("+") and numbering_plan.is_start_of_country_code(digits[1:]):
        return Judgement(
            Verdict.INCOMPLETE, phrase("The number is missing after the country code"), display=shown
        )
    away = numbering_plan.distance(digits, region)
    if away is None:
        return Judgement(
            Verdict.REFUSED, phrase("No number looks like this: check the first digits."), display=shown
        )
    if away > 0:
        missing = phrase_n("{n} digit missing", "{n} digits missing", away)
        return Judgement(Verdict.INCOMPLETE, missing, display=shown)
    surplus = phrase_n("{n} digit too many.", "{n} digits too many.", -away)
    return Judgement(Verdict.REFUSED, surplus, display=shown)


def _judge_public(
    number: PhoneNumber,
    region: str,
    domain: str,
    e164: bool,
    never_call: AbstractSet[str],
    answered_today: AbstractSet[str],
) -> Judgement:
    name = e164_of(number)
    seen = _described(number, region, never_call, answered_today)
    if seen.verdict is Verdict.REFUSED:
        return seen
    if not valid_domain(domain):
        return _changed(seen, Verdict.REFUSED, _NO_DOMAIN)
    return _changed(seen, seen.verdict, seen.why, f"sip:{name if e164 else name[1:]}@{domain}")


def _described(
    number: PhoneNumber, region: str, never_call: AbstractSet[str], answered_today: AbstractSet[str]
) -> Judgement:
    """A valid number with its verdict, not yet with a URI."""
    name = e164_of(number)
    country = phonenumbers.region_code_for_number(number) or ""
    kind = phonenumbers.number_type(number)
    seen = Judgement(
        Verdict.OK,
        e164=name,
        display=phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL),
        country=phrase("international") if country == "001" else country,
        kind=_KINDS.get(kind, phrase("phone")),
    )
    if name in never_call:
        return _changed(
            seen, Verdict.REFUSED, phrase("{number} is on the never-call list.", number=seen.display)
        )
    doubts = []
    if country != region:
        abroad = seen.country or phrase("unknown country")
        doubts.append(phrase("is a foreign number ({country})", country=abroad))
    if kind in _COSTLY:
        doubts.append(phrase("is a {kind} number", kind=seen.kind))
    if name in answered_today:
        doubts.append(phrase("was answered within the last 24 hours"))
    if doubts:
        why = phrase("{number} {doubts}.", number=seen.display, doubts=enumerated(doubts))
        return _changed(seen, Verdict.CONFIRM, why)
    return seen


def _judge_name(
    name: str,
    domain: str,
    region: str,
    e164: bool,
    never_call: AbstractSet[str],
    answered_today: AbstractSet[str],
) -> Judgement:
    """A bare name: a public number if it is one, else a user of our own domain."""
    seen = judge(name, region, domain, e164, never_call, answered_today)
    if seen.e164:
        return seen
    if not sip_uri.USER.fullmatch(name):
        return Judgement(Verdict.REFUSED, sip_uri.ODD_NAME, display=clean(name, _LONGEST_TYPED))
    if not valid_domain(domain):
        return Judgement(Verdict.REFUSED, _NO_DOMAIN, display=name)
    return _judge_user(sip_uri.SipUri("sip", name, domain), name, region, never_call, answered_today)


def _judge_user(
    uri: sip_uri.SipUri,
    shown: str,
    region: str,
    never_call: AbstractSet[str],
    answered_today: AbstractSet[str],
) -> Judgement:
    """A user part at whatever domain: emergency and never-call numbers hide in it like anywhere else."""
    bare = re.sub(r"[^0-9A-Za-z]", "", uri.user)
    if bare.isdigit():
        never = emergency.why_emergency(bare, region)
        if never:
            return Judgement(Verdict.REFUSED, never, display=shown)
    digits = without_separators(uri.user)
    if never_call & {uri.user.lower(), digits, f"{uri.user}@{uri.host}".lower()}:
        return Judgement(
            Verdict.REFUSED, phrase("{number} is on the never-call list.", number=shown), display=shown
        )
    number = numbering_plan.parse(digits, region) if _NUMBER.fullmatch(digits) else None
    if number is None:
        return Judgement(Verdict.OK, uri=str(uri), display=shown)
    seen = _described(number, region, never_call, answered_today)
    return _changed(seen, seen.verdict, seen.why, str(uri) if seen.may_dial else "")


def _changed(seen: Judgement, verdict: Verdict, why: str, uri: str = "") -> Judgement:
    return Judgement(verdict, why, seen.e164, uri, seen.display, seen.country, seen.kind)
