"""The one shape of every error: `{"error": {"code": ..., "message": ...}}`."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from console.core.text import clean

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""What every answer carries, an error or not."""


class Fault(BaseModel):
    """What went wrong."""

    code: str = Field(description="For programs.", examples=["line_taken"])
    message: str = Field(
        description="For people: one sentence.", examples=["A call is up: hang it up first."]
    )


class ErrorBody(BaseModel):
    """Every answer that is not a success."""

    error: Fault


class ApiError(Exception):
    """An answer that is no success: status, a code for programs, a sentence for people."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    def response(self) -> JSONResponse:
        body = {"error": {"code": self.code, "message": self.message}}
        return JSONResponse(body, self.status, self.headers)


def internal() -> ApiError:
    """A bug, which is told elsewhere. The server ends the connection after it: nobody must use it again."""
    return ApiError(500, "internal", "Internal error: the log says where.", {"Connection": "close"})


_OWN_WORDS = {
    400: ("bad_request", "The request cannot be read."),
    404: ("not_found", "There is nothing at this address: see /docs."),
    405: ("method_not_allowed", "This address does not take that method: see /docs."),
}


def add_error_answers(app: FastAPI, on_crash: Callable[[str], None]) -> None:
    """Give the app's errors their shape. `on_crash` is told of a bug: its type and place."""

    async def ours(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, ApiError)
        return error.response()

    async def framework(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        phrase = HTTPStatus(error.status_code).phrase
        code, message = _OWN_WORDS.get(
            error.status_code, (phrase.lower().replace(" ", "_"), f"{clean(str(error.detail))}.")
        )
        return ApiError(error.status_code, code, message, error.headers).response()

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return ApiError(422, "invalid_request", _said(error.errors())).response()

    async def crash(request: Request, error: Exception) -> JSONResponse:
        on_crash(place(error))
        return internal().response()

    handlers: dict[type[Exception], Callable[[Request, Exception], Awaitable[JSONResponse]]] = {
        ApiError: ours,
        HTTPException: framework,
        RequestValidationError: invalid,
        Exception: crash,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def place(error: BaseException) -> str:
    """A bug as type and place, never its message, which might quote a secret."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {frames[-1].name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


def _said(errors: Sequence[Any]) -> str:
    """What is wrong with a request, field by field; never what was sent."""
    said = []
    for error in errors[:3]:
        field = ".".join(str(part) for part in error["loc"][1:] if isinstance(part, str))
        if not field:
            return "The body must be a JSON object, sent with Content-Type: application/json."
        words = str(error["msg"]).removeprefix("Value error, ")
        said.append(clean(f"{field}: {words}"))
    return "; ".join(said) + "."
