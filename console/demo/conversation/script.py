"""What the conversation server does with an agent's conversations, as data that JSON can carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

STEPS = {
    "say": "an agent turn: `text`, and as audio `wav` (a file), a tone of `hz`, or babble; `seconds` long, "
    "in chunks of `chunk` seconds, all at once; `wait` for it to be played out",
    "wait": "`seconds`",
    "hear": "wait until `seconds` of caller audio have come",
    "interrupt": "the callee broke in: `event_id`, or the running turn's; `text`: what was heard of it",
    "ping": "one more ping; `event_id` or the next; without `ping_ms` when `flat`",
    "send": "a frame as it is: `body` as JSON, else `text`, else `binary` (hexadecimal)",
    "huge": "an audio message of `size` bytes",
    "tool": "call the client's tool `name` with `body`; `text`: the call id; `wait` for its result",
    "queue": "queue_status `text`",
    "error": "an error message with `body` as its event, or `body` flat when `flat`",
    "end": "the agent's end_call, then close 1000",
    "close": "close with `code` and `reason`",
    "drop": "reset the TCP connection",
    "eof": "end the TCP connection without a close frame",
    "stall": "read nothing for `seconds`",
    "hold": "do nothing until the client ends it",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the server does; `do` is a key of `STEPS`, which says what the other fields mean."""

    do: str
    text: str = ""
    seconds: float = 1.0
    chunk: float = 0.6
    hz: float = 0.0
    wav: str = ""
    wait: bool = False
    event_id: int | None = None
    code: int = 1000
    reason: str = ""
    name: str = ""
    size: int = 0
    binary: str = ""
    body: Any = None
    flat: bool = False

    def __post_init__(self) -> None:
        if self.do not in STEPS:
            raise ValueError(f"unknown step {self.do!r}; known are {', '.join(STEPS)}")


@dataclass(frozen=True, slots=True)
class RestAnswer:
    """What a request for a signed URL gets instead of one. `body` as JSON, else `text` as it is."""

    status: int = 200
    body: Any = None
    text: str = ""
    delay: float = 0.0


@dataclass(frozen=True, slots=True)
class Script:
    """One agent. Times in seconds.

    `opening` runs before the metadata, `steps` after them; then the conversation stays open. `echo`: caller
    audio comes back as agent audio. `turns`: (text, WAV file) sentences said in turn with the caller.
    `hears`: (text, WAV file in mu-law at 8 kHz) sentences that are recognised when the caller says them.
    `signed`: answers to the first requests for a signed URL; `signed_url`: one that is given out instead of
    ours. `answer_close` False: a client's close frame is never answered; `ends_tcp` False: after the close
    frames the TCP connection stays. `upgrade_status`: refuse the upgrade. `metadata` False: never sent;
    `formats` False: sent without formats. `early_audio`: caller audio that comes before them is no violation.
    `speed`: how much faster than in life all its times pass.
    """

    input_format: str = "pcm_16000"
    output_format: str = "pcm_16000"
    opening: tuple[Step, ...] = ()
    steps: tuple[Step, ...] = ()
    turns: tuple[tuple[str, str], ...] = ()
    hears: tuple[tuple[str, str], ...] = ()
    echo: bool = False
    metadata: bool = True
    formats: bool = True
    early_audio: bool = False
    private: bool = True
    pings: float = 1.0
    pong_within: float = 5.0
    receive_timeout: float = 60.0
    allowed_overrides: tuple[str, ...] = ("conversation.text_only",)
    required_variables: tuple[str, ...] = ()
    answer_close: bool = True
    ends_tcp: bool = True
    upgrade_status: int = 0
    upgrade_delay: float = 0.0
    signed: tuple[RestAnswer, ...] = ()
    signed_url: str = ""
    speed: float = 1.0

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Script:
        """From JSON; `ValueError` or `TypeError` for what is not a script."""
        known = {f.name for f in fields(cls)}
        if unknown := set(given) - known:
            raise ValueError(f"unknown in a script: {', '.join(sorted(unknown))}")
        values = dict(given)
        for name in ("opening", "steps"):
            values[name] = tuple(Step(**step) for step in given.get(name, ()))
        values["signed"] = tuple(RestAnswer(**answer) for answer in given.get("signed", ()))
        for name in ("turns", "hears"):
            values[name] = tuple((str(text), str(wav)) for text, wav in given.get(name, ()))
        for name in ("allowed_overrides", "required_variables"):
            if name in given:
                values[name] = tuple(given[name])
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Setup:
    """A whole server: `api_key` that REST asks for (empty: any), agents by id, `open_timeout` for the upgrade
    request of a connection, `close_timeout` for TCP to end after the close frames, `url_seconds` that a
    signed URL is valid; `account`: what REST tells of agents, subscription and ended conversations, see
    `rest_account.AccountScript`."""

    api_key: str = field(default="", repr=False)
    agents: Mapping[str, Script] = field(default_factory=dict)
    open_timeout: float = 10.0
    close_timeout: float = 3.0
    url_seconds: float = 900.0
    account: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Setup:
        agents = {name: Script.read(script) for name, script in given.get("agents", {}).items()}
        return cls(**{**given, "agents": agents})
