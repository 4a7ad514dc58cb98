"""The routes: paths, what they take and what they answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import FastAPI, Header, Response

from . import views
from .desk import Desk
from .docs import docs_pages
from .errors import ErrorBody, add_error_answers
from .stream import EventStream, Streams

TITLE = "Call Console"
DESCRIPTION = """Place AI phone calls and watch them: the commands of the console's keys, and every event.

On this machine, programs of the user who runs the console need no token. Everybody else sends
`Authorization: Bearer` with the value of `CONSOLE_API_TOKEN`. Every error is
`{"error": {"code": ..., "message": ...}}`."""

_BEARER = {"type": "http", "scheme": "bearer", "description": "The value of CONSOLE_API_TOKEN."}
_COMMON = {
    400: "The request cannot be read.",
    401: "A token is needed.",
    403: "Not from other web sites.",
    413: "The request is too large.",
    422: "The request or the number is wrong.",
    429: "Too many requests.",
    503: "Not ready.",
}


def _answers(**own: str) -> dict[int | str, dict[str, Any]]:
    """Errors as they are documented; `own`: status (`s409`) -> what it means for this route."""
    said = {**_COMMON, **{int(status[1:]): words for status, words in own.items()}}
    return {status: {"model": ErrorBody, "description": words} for status, words in sorted(said.items())}


def make_app(desk: Desk, streams: Streams, version: str, on_crash: Callable[[str], None]) -> FastAPI:
    """The ASGI application; used on the loop of `desk`. `on_crash` is told of bugs."""
    app = FastAPI(
        title=TITLE,
        version=version,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    add_error_answers(app, on_crash)
    _add_calls(app, desk)
    _add_words(app, desk)
    _add_line(app, desk, streams)
    app.include_router(docs_pages(TITLE))
    _document_token(app.openapi())
    return app


def _document_token(schema: dict[str, Any]) -> None:
    """That the token may be left out (`{}`) no class of the framework can say. `schema` is the one served."""
    schema["components"]["securitySchemes"] = {"token": _BEARER}
    schema["security"] = [{}, {"token": []}]


def _add_calls(app: FastAPI, desk: Desk) -> None:
    @app.post(
        "/api/calls/start",
        status_code=201,
        tags=["calls"],
        responses=_answers(
            s403="The number is on the never-call list.",
            s409="The line is taken.",
            s503="No line, no agent, ...",
        ),
    )
    async def start(order: views.StartCall) -> views.CallView:
        """Place a call. Answers with the call's id as soon as it is dialed; what comes of it is told by
        GET /api/calls/{id} and by /api/events."""
        return await desk.dial(order)

    @app.get("/api/calls", tags=["calls"], responses=_answers())
    async def calls() -> views.CallList:
        """The live calls and the last ended ones."""
        return desk.calls()

    @app.get("/api/calls/{call_id}", tags=["calls"], responses=_answers(s404="No such call."))
    async def call(call_id: str) -> views.CallView:
        """One call, live or ended."""
        return desk.call(call_id)

    @app.post(
        "/api/calls/{call_id}/hangup",
        tags=["calls"],
        responses=_answers(s404="No such call.", s409="It is already over."),
    )
    async def hang_up(call_id: str) -> views.CallView:
        """End a call at whatever stage; an incoming one is turned away."""
        return await desk.hang_up(call_id)


def _add_words(app: FastAPI, desk: Desk) -> None:
    answers = _answers(s404="No such call.", s409="The AI is not on the line, and why.")

    @app.post("/api/calls/{call_id}/say", tags=["words"], responses=answers)
    async def say(call_id: str, order: views.Say) -> views.CallView:
        """Tell the AI something that the callee does not hear."""
        return await desk.say(call_id, order)

    @app.post("/api/calls/{call_id}/silence", tags=["words"], responses=answers)
    async def silence(call_id: str, order: views.SilenceOrder | None = None) -> views.CallView:
        """Silence the AI for 15 seconds at most, or let it speak again. Its session is kept. Without a body:
        silence it."""
        return await desk.silence(call_id, order or views.SilenceOrder())

    @app.post("/api/calls/{call_id}/goodbye", tags=["words"], responses=answers)
    async def goodbye(call_id: str) -> views.CallView:
        """Have the AI say goodbye; the call ends after 8 seconds at the latest."""
        return await desk.goodbye(call_id)

    @app.post("/api/calls/{call_id}/digits", tags=["words"], responses=answers)
    async def digits(call_id: str, order: views.Digits) -> views.CallView:
        """Press keys on the line."""
        return await desk.digits(call_id, order)


def _add_line(app: FastAPI, desk: Desk, streams: Streams) -> None:
    @app.post("/api/register", status_code=202, tags=["line"], responses=_answers(s409="Not now, and why."))
    async def register() -> views.RegisterAnswer:
        """Register the SIP account again; refused during a call."""
        return await desk.register()

    @app.get("/api/status", tags=["line"], responses=_answers())
    async def status() -> views.Status:
        """Whether a call could be placed now, the line, the registration, the live calls."""
        return desk.status()

    @app.get(
        "/api/events",
        tags=["line"],
        response_class=Response,
        responses={
            **_answers(),
            200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "Events."},
        },
    )
    async def events(last_event_id: Annotated[str | None, Header()] = None) -> EventStream:
        """Everything that happens, as server-sent events: each `data` is one event as `--json` prints it. It
        never ends by itself. `Last-Event-ID` goes on behind that event, as far as events are kept."""
        return streams.stream(last_event_id)
