"""The clock, compared with the one of ElevenLabs (HTTP Date header, RFC 9110 section 6.6.1)."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

import httpx

from ...agent.rest import is_loopback
from ...core.finding import warning
from ...core.words import phrase
from ..checking import Context, Result, check

ALLOWED_SECONDS = 30.0
_ASK_SECONDS = 5.0


@check("clock")
async def look(context: Context) -> Result:
    base = httpx.URL(context.settings.base_url)
    try:
        async with httpx.AsyncClient(timeout=_ASK_SECONDS, trust_env=not is_loopback(base.host)) as client:
            asked = time.time()
            answer = await client.get(base)
            now = (asked + time.time()) / 2
        there = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (httpx.HTTPError, httpx.InvalidURL, OSError, KeyError, ValueError):
        return Result(unknown=(phrase("{host} did not tell the time.", host=base.host),))
    skew = now - there
    if abs(skew) <= ALLOWED_SECONDS:
        return Result(facts=(phrase("right to the second that the network tells"),))
    wrong = warning(
        "clock.wrong",
        phrase("This machine's clock is {seconds:.0f} s ahead.", seconds=skew)
        if skew > 0
        else phrase("This machine's clock is {seconds:.0f} s behind.", seconds=-skew),
        phrase(
            "Set it by the network (Linux: timedatectl set-ntp true); certificates and records depend on it."
        ),
    )
    return Result((wrong,))
