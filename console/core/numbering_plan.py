"""Numbering plans (libphonenumber): the number that digits are, or how far they are from being one."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

from .emergency import region_of, split_country_code

Reading = tuple[int, str]
"""Country calling code, and the national significant number as far as it is typed."""

_E164_LENGTH = 16
"""15 digits (ITU-T E.164) and the `+`; the plans of libphonenumber allow longer German ones."""

_TAILS = tuple(first + second for first in "2913578046" for second in "1234567890")


def parse(digits: str, region: str) -> phonenumbers.PhoneNumber | None:
    """The valid number that these digits (optional leading `+`) are in `region`, or None."""
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return None
    fits = len(e164_of(number)) <= _E164_LENGTH
    return number if fits and phonenumbers.is_valid_number(number) else None


def e164_of(number: phonenumbers.PhoneNumber) -> str:
    """`+79123456789`"""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@lru_cache(maxsize=512)
def distance(digits: str, region: str) -> int | None:
    """How many digits are missing (positive) or too many (negative); None: no number is like this.

    A number whose length is not fixed counts to its shortest valid form.
    """
    readings = _readings(digits, region)
    for reading in readings:
        missing = _missing(reading)
        if missing:
            return missing
    for reading in readings:
        excess = _excess(reading)
        if excess:
            return -excess
    return None


def is_start_of_country_code(digits: str) -> bool:
    """Whether a country calling code begins with these digits (no `+`) and is longer."""
    return any(str(code).startswith(digits) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


def _readings(digits: str, region: str) -> list[Reading]:
    """What the digits may be, likeliest first: international, behind the trunk prefix, national."""
    if digits.startswith("+"):
        split = split_country_code(digits[1:])
        return [split] if split else []
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    if metadata is None:
        return []
    readings: list[Reading] = []
    idd = re.match(metadata.international_prefix or "$.", digits)
    if idd:
        split = split_country_code(digits[idd.end() :])
        readings += [split] if split else []
    code = phonenumbers.country_code_for_region(region)
    for prefix in (metadata.national_prefix, str(code)):
        if prefix and digits.startswith(prefix):
            readings.append((code, digits[len(prefix) :]))
    return [*readings, (code, digits)]


def _lengths(code: int) -> list[int]:
    metadata = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, region_of(code))
    kinds = (metadata.fixed_line, metadata.mobile) if metadata else ()
    return sorted({n for kind in kinds if kind for n in kind.possible_length or () if n > 0})


def _missing(reading: Reading) -> int:
    code, typed = reading
    for length in _lengths(code):
        gap = length - len(typed)
        if gap > 0 and any(_valid(code, typed + (tail * gap)[:gap]) for tail in _TAILS):
            return gap
    return 0


def _excess(reading: Reading) -> int:
    code, typed = reading
    for length in reversed(_lengths(code)):
        if length < len(typed) and _valid(code, typed[:length]):
            return len(typed) - length
    return 0


def _valid(code: int, national: str) -> bool:
    return parse(f"+{code}{national}", "ZZ") is not None
