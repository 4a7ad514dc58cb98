"""Numbers that an AI never calls: emergency services and short service numbers.

Sources: ITU-T E.161.1 and the Russian law on the 112 system for the fixed list, and the short-number data of
libphonenumber for every region.
"""

from __future__ import annotations

from functools import lru_cache

import phonenumbers
from phonenumbers import shortnumberinfo

from .words import phrase

EVERYWHERE = frozenset({"112", "911", "101", "102", "103", "104"})
"""Refused whatever the region: networks route 112 and 911 to the local service."""

TWO_DIGITS = frozenset({"01", "02", "03", "04"})
"""The old Russian forms. Only as they stand: an extension like 801 is not `01` behind a trunk prefix."""

_INTERNATIONAL_PREFIXES = ("00", "810")


@lru_cache(maxsize=256)
def why_emergency(digits: str, region: str) -> str:
    """Why these digits (ASCII, an optional leading `+`) are never dialed for an AI, one sentence; or "".

    Seen in every form: plain, behind the country code, the trunk prefix or the international prefix.
    """
    if digits.lstrip("+") in TWO_DIGITS or any(_is_emergency(*form) for form in _forms(digits, region)):
        return phrase(
            "{digits} is an emergency number: the console never calls those for an AI.", digits=digits
        )
    return ""


@lru_cache(maxsize=256)
def why_short_service(digits: str, region: str) -> str:
    """The same for short service numbers."""
    forms = _behind_country_code(digits[1:]) if digits.startswith("+") else [(digits, region)]
    if any(_is_short_service(*form) for form in forms):
        return phrase(
            "{digits} is a short service number: the console never calls those for an AI.", digits=digits
        )
    return ""


def region_of(country_code: int) -> str:
    """The main region of a country calling code."""
    return phonenumbers.region_code_for_country_code(country_code)


def split_country_code(digits: str) -> tuple[int, str] | None:
    """Country calling code and the rest of an international number without its `+`."""
    for length in (1, 2, 3):
        code = int(digits[:length] or 0)
        if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE and len(digits) >= length:
            return code, digits[length:]
    return None


def _forms(digits: str, region: str) -> set[tuple[str, str]]:
    """The digits as they are and without what a network would take off: (rest, region where it is dialed)."""
    plain = digits.lstrip("+")
    found = {(plain, region)}
    own_code = str(phonenumbers.country_code_for_region(region))
    for prefix in (own_code, *_INTERNATIONAL_PREFIXES):
        if plain.startswith(prefix):
            found.add((plain[len(prefix) :], region))
    if digits.startswith("+"):
        found.update(_behind_country_code(plain))
    for prefix in _INTERNATIONAL_PREFIXES:
        if plain.startswith(prefix):
            found.update(_behind_country_code(plain[len(prefix) :]))
    return found | {behind for form in found for behind in _behind_trunk_prefix(*form)}


def _behind_trunk_prefix(digits: str, region: str) -> list[tuple[str, str]]:
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    trunk = metadata.national_prefix if metadata else None
    return [(digits[len(trunk) :], region)] if trunk and digits.startswith(trunk) else []


def _behind_country_code(digits: str) -> list[tuple[str, str]]:
    split = split_country_code(digits)
    return [(split[1], region_of(split[0]))] if split and split[1] else []


def _is_emergency(digits: str, region: str) -> bool:
    return digits in EVERYWHERE or bool(shortnumberinfo.is_emergency_number(digits, region))


def _is_short_service(digits: str, region: str) -> bool:
    if not 0 < len(digits) < 7 or digits.startswith("0") or region not in phonenumbers.SUPPORTED_REGIONS:
        return False
    number = phonenumbers.PhoneNumber(
        country_code=phonenumbers.country_code_for_region(region), national_number=int(digits)
    )
    return bool(shortnumberinfo.is_valid_short_number_for_region(number, region))
