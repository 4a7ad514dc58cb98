"""What is asked of ElevenLabs over HTTP: for now, where the WebSocket of a conversation is.

No secret (key, signed URL) is in an error, a log line or a `repr` of this module.
"""

from __future__ import annotations

import asyncio
import ssl
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from ..core.events import Refusal
from ..core.text import clean
from ..core.words import phrase
from . import unreachable
from .refusals import meaning

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_TRANSIENT = frozenset({408, 409, 425, 429})


class RestError(Exception):
    """ElevenLabs could not be asked, or said no. The message is one clear sentence.

    `refusal`: a definite no, which the same question will meet again. None: worth another try. `status`: of
    the HTTP answer, if there was one. `detail`: the code in it, as `missing_permissions`.
    """

    def __init__(
        self, sentence: str, refusal: Refusal | None = None, status: int | None = None, detail: str = ""
    ) -> None:
        super().__init__(sentence)
        self.refusal = refusal
        self.status = status
        self.detail = detail


class ElevenLabsRest:
    """The HTTP side of one account. `base_url` as in the settings; `api_key` may be empty (public agents).
    `limit`: seconds for a request in all; a callee does not wait for the official client's 240."""

    def __init__(self, base_url: str, api_key: str, *, tls: ssl.SSLContext, limit: float) -> None:
        self._base = httpx.URL(base_url.rstrip("/"))
        self._limit = limit
        self._key = api_key
        self._client = httpx.AsyncClient(
            headers={"xi-api-key": api_key} if api_key else {},
            timeout=limit,
            verify=tls,
            # A proxy of the environment is for the world outside; the demo line is on this machine.
            trust_env=not is_loopback(self._base.host),
        )

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        return (self._key,) if self._key else ()

    @property
    def signs(self) -> bool:
        """Conversations are started with signed URLs."""
        return bool(self._key)

    async def conversation_url(self, agent_id: str) -> str:
        """The WebSocket URL for one conversation: signed and valid for 15 minutes where there is a key, else
        the public one of the agent. Raises `RestError`."""
        if not agent_id:
            raise RestError(phrase("No agent is set: fill in ELEVENLABS_AGENT_ID."), Refusal.CONFIG)
        if not self.signs:
            return f"{self._websocket_base()}/v1/convai/conversation?agent_id={quote(agent_id, safe='')}"
        answer = await self._get("/v1/convai/conversation/get-signed-url", agent_id=agent_id)
        url = answer.get("signed_url") if isinstance(answer, dict) else None
        if not isinstance(url, str):
            raise RestError(
                phrase(
                    "{host} answered without a signed URL; check ELEVENLABS_BASE_URL.", host=self._base.host
                )
            )
        self._check_signed(url)
        return url

    async def get(self, path: str) -> Any:
        """The JSON at this path. Raises `RestError`."""
        return await self._get(path)

    async def aclose(self) -> None:
        await self._client.aclose()

    def _websocket_base(self) -> httpx.URL:
        return self._base.copy_with(scheme=_websocket_scheme(self._base.scheme))

    def _check_signed(self, url: str) -> None:
        """A signed URL must lead to the host that was asked: what it points to hears the whole call."""
        try:
            parts = urlsplit(url)
            place = (parts.scheme, (parts.hostname or "").lower(), parts.port or _port(parts.scheme))
        except ValueError:
            place = ("", "", 0)
            parts = urlsplit("")
        scheme = _websocket_scheme(self._base.scheme)
        expected = (scheme, self._base.host, self._base.port or _port(scheme))
        if place != expected or parts.username is not None or parts.fragment:
            raise RestError(
                phrase(
                    "ElevenLabs gave a signed URL for another host ({place}) than {host}; set "
                    "ELEVENLABS_BASE_URL to the region the agent lives in.",
                    place=clean(place[1], 80) or phrase("none"),
                    host=self._base.host,
                ),
                Refusal.CONFIG,
            )

    async def _get(self, path: str, **params: str) -> Any:
        host = self._base.host
        try:
            async with asyncio.timeout(self._limit):
                response = await self._client.get(f"{self._base}{path}", params=params)
        except (TimeoutError, httpx.TimeoutException):
            raise RestError(
                phrase("{host} did not answer within {seconds:g} s.", host=host, seconds=self._limit)
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            raise RestError(
                phrase("{host} cannot be reached: {error}.", host=host, error=unreachable.why(error))
            ) from None
        if response.status_code != HTTPStatus.OK:
            raise self._refused(response)
        try:
            return response.json()
        except (ValueError, RecursionError):
            raise RestError(
                phrase("{host} answered with something else than JSON; check ELEVENLABS_BASE_URL.", host=host)
            ) from None

    def _refused(self, response: httpx.Response) -> RestError:
        status = response.status_code
        code, message = error_detail(response)
        for secret in self.secrets:
            code, message = code.replace(secret, "***"), message.replace(secret, "***")
        refusal = classify_status(status, code, message)
        said = ": ".join(part for part in (clean(code, 60), clean(message)) if part)
        answer = ", ".join(filter(None, (str(status), said)))
        sentence = phrase("{sentence} ({answer}).", sentence=_SENTENCES[refusal], answer=answer)
        return RestError(sentence, refusal, status, code)


_SENTENCES: dict[Refusal | None, str] = {
    Refusal.KEY: phrase(
        "ElevenLabs refused the API key: put a valid key with the Agents permission into ELEVENLABS_API_KEY"
    ),
    Refusal.AGENT: phrase(
        "ElevenLabs does not know this agent: check ELEVENLABS_AGENT_ID, and that ELEVENLABS_BASE_URL is "
        "its region"
    ),
    Refusal.CREDITS: phrase("The ElevenLabs account is out of credits: add credits or upgrade the plan"),
    Refusal.CONFIG: phrase(
        "ElevenLabs refused the request: check ELEVENLABS_AGENT_ID and the agent's settings"
    ),
    Refusal.SAFETY: phrase("ElevenLabs refused the conversation for safety reasons"),
    Refusal.BUSY: phrase("ElevenLabs is at its limit of conversations"),
    Refusal.OTHER: phrase("ElevenLabs refused: check ELEVENLABS_BASE_URL"),
    None: phrase("ElevenLabs is busy or out of order"),
}


def classify_status(status: int, code: str = "", message: str = "") -> Refusal | None:
    """The refusal in an HTTP answer that is not 2xx; None: worth another try (429, 5xx, ...).

    Words come first: an account without credits is told so with 401.
    """
    if status in _TRANSIENT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Refusal.CREDITS if meaning(code) is Refusal.CREDITS else None
    said = meaning(code, message)
    if said is not None and said is not Refusal.BUSY:
        return said
    by_status = {401: Refusal.KEY, 403: Refusal.KEY, 404: Refusal.AGENT, 422: Refusal.CONFIG}
    return by_status.get(status, Refusal.OTHER)


def error_detail(response: httpx.Response) -> tuple[str, str]:
    """Code and message of an error answer, in whichever of its shapes: `detail` as a text, as an object with
    `status` or `code`, or as a list (FastAPI 422); ("", "") when it is none of them, or not JSON."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return "", ""
    detail = body.get("detail") if isinstance(body, dict) else None
    if isinstance(detail, list):
        return _validation_detail(detail[0] if detail else None)
    if isinstance(detail, dict):
        return str(detail.get("code") or detail.get("status") or ""), str(detail.get("message") or "")
    return "", detail if isinstance(detail, str) else ""


def _validation_detail(first: object) -> tuple[str, str]:
    """The first complaint of a FastAPI 422."""
    if not isinstance(first, dict):
        return "", ""
    place = first.get("loc")
    where = ".".join(str(part) for part in place) if isinstance(place, list) else ""
    return str(first.get("type") or ""), f"{where}: {first.get('msg') or ''}"


def is_loopback(host: str) -> bool:
    return host.lower() in _LOOPBACK


def _websocket_scheme(scheme: str) -> str:
    return {"http": "ws", "https": "wss"}.get(scheme, "")


def _port(scheme: str) -> int:
    return {"ws": 80, "wss": 443}.get(scheme, 0)
