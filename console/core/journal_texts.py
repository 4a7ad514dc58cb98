"""The texts of the event log. `core.journal` fills them in."""

from __future__ import annotations

from .words import msgid, phrase

SOURCES = {
    "phone": phrase("phone"),
    "line": phrase("line"),
    "AI": phrase("AI"),
    "them": phrase("them"),
    "you": phrase("you"),
    "audio": phrase("audio"),
    "console": phrase("console"),
}


TEMPLATES: dict[str, tuple[str, str]] = {
    # message: (source, text)
    "line.up": ("line", msgid("phone ready: {engine} {version}")),
    "line.down": ("line", msgid("phone not reachable: {reason}")),
    "registration.registering": ("line", msgid("registering")),
    "registration.ok": ("line", msgid("registered")),
    "registration.failed": ("line", msgid("registration FAILED: {answer}")),
    "registration.off": ("line", msgid("registration is off")),
    "registration.unknown": ("line", msgid("registration unknown")),
    "call.dialing": ("phone", msgid("dialing {number}")),
    "call.dialing.api": ("phone", msgid("dialing {number}, asked for by the API")),
    "call.bound": ("phone", msgid("SIP call {sip_call_id}")),
    "call.incoming": ("phone", msgid("INCOMING call from {who}")),
    "call.missed": ("phone", msgid("missed a call from {peer}: {why}")),
    "call.found": ("phone", msgid("found a call with {peer} on the phone")),
    "call.found.ours": ("phone", msgid("an earlier console left a call with {peer}: hanging up")),
    "call.ringing": ("phone", msgid("ringing (gives up after {limit_seconds:.0f} s)")),
    "call.early_media": ("phone", msgid("network audio before the answer; AI not opened")),
    "call.answered": ("phone", msgid("ANSWERED after {after_seconds:.0f} s")),
    "call.answered_by_others": ("phone", msgid("answered by somebody else; no AI")),
    "call.hold": ("phone", msgid("put on hold by the other side")),
    "call.resumed": ("phone", msgid("taken off hold")),
    "call.digit": ("them", msgid("pressed {digit}")),
    "call.redirected": ("phone", msgid("WARNING: the call was redirected to {peer}")),
    "call.extended": ("you", msgid("{minutes:.0f} more minutes for this call")),
    "call.closed": ("phone", msgid("call ended by {who}: {said}")),
    "call.closed.answered": ("phone", msgid("call ended by {who} after {length}{because}")),
    "agent.warm": ("AI", msgid("prepared, not billed")),
    "agent.trouble": ("AI", msgid("cannot be prepared yet: {reason}")),
    "agent.trouble.definite": ("AI", msgid("REFUSED: {reason}")),
    "agent.opening": ("AI", msgid("opening the session")),
    "agent.upgraded": ("AI", msgid("session open")),
    "agent.live": ("AI", msgid("live after {after_answer_ms} ms, {conversation_id}")),
    "agent.first_audio": ("AI", msgid("first word {seconds:.1f} s after the answer")),
    "agent.transcript.agent": ("AI", "> {text}"),
    "agent.transcript.agent.corrected": ("AI", msgid("> (heard only) {text}")),
    "agent.transcript.agent.silenced": ("AI", msgid("> (silenced) {text}")),
    "agent.transcript.user": ("them", "< {text}"),
    "agent.transcript.operator": ("you", "* {text}"),
    "agent.transcript.operator.api": ("console", msgid("* {text} (by the API)")),
    "agent.interrupted": ("AI", msgid("interrupted; {seconds:.1f} s were not played")),
    "agent.tool": ("AI", msgid("used {name}")),
    "agent.tool.failed": ("AI", msgid("could not use {name}{because}")),
    "agent.note": ("AI", msgid("notes: {text}")),
    "agent.silenced.on": ("you", msgid("AI silenced for {limit_seconds:.0f} s at most")),
    "agent.silenced.off": ("you", msgid("AI may speak again")),
    "agent.silenced.on.api": ("console", msgid("AI silenced by the API for {limit_seconds:.0f} s at most")),
    "agent.silenced.off.api": ("console", msgid("AI may speak again, by the API")),
    "call.transfer_failed": ("phone", msgid("the transfer FAILED: {reason}")),
    "call.transfer": ("AI", msgid("transferring the call to {destination}")),
    "agent.queue": ("AI", msgid("queue at ElevenLabs: {state}")),
    "agent.error": ("AI", msgid("ElevenLabs reports an error: {text}")),
    "agent.retry": ("AI", msgid("session lost, opening a fresh one: {reason}")),
    "agent.closed": ("AI", msgid("session closed by {who} after {length}{said}")),
    "account": ("AI", msgid("agent {agent}, {credits}{doubts}")),
    "account.trouble": ("AI", msgid("no AI at present: {trouble}")),
    "call.review": ("AI", msgid("ElevenLabs counts {cost}{termination}")),
    "call.review.demo": ("AI", msgid("demo: nothing is billed (a real call: {cost}){termination}")),
    "call.review.none": ("AI", msgid("the cost of the call is not known: {why}")),
    "dialing.stopped": ("console", msgid("DIALING STOPPED: {why}")),
    "dialing.allowed": ("you", msgid("dialing allowed again")),
    "audio.started": ("audio", msgid("open: {input} / {output}, {rate} Hz")),
    "audio.failed": ("audio", msgid("FAILED: {reason}")),
    "audio.glitch": ("audio", msgid("{ms} ms lost {way}")),
    "ear.on": ("you", msgid("ear on")),
    "ear.off": ("you", msgid("ear off{because}")),
    "never_call.added": ("you", msgid("{number} will never be called")),
    "never_call.removed": ("you", msgid("{number} may be called again")),
    "notice": ("console", "{text}"),
    "refused": ("console", msgid("not done: {why}")),
    "refused.api": ("console", msgid("not done for the API: {why}")),
    "console.started": ("console", msgid("started (process {pid})")),
    "console.ended": ("console", msgid("ended (process {pid})")),
    "crash": ("console", msgid("INTERNAL ERROR {error} in {where}: the console ends")),
    "ignored": ("console", msgid("ignored from {source}: {why}")),
    "ignored.files": ("console", msgid("TROUBLE with files: {why}")),
}

CLOSERS = {
    "remote": phrase("the other side"),
    "operator": phrase("you"),
    "agent": phrase("the AI"),
    "network": phrase("the network"),
    "timeout": phrase("a time limit"),
    "operator.api": phrase("the API"),
}

AGENT_CLOSERS = {
    "call": phrase("the end of the call"),
    "agent": phrase("the AI"),
    "network": phrase("the network"),
    "refused": phrase("ElevenLabs (refused)"),
    "operator": phrase("you"),
}

FIGURES = (
    # one, many; or for any number
    ("{n:,} credit left", "{n:,} credits left"),
    ("{n:,} credit", "{n:,} credits"),
    "${usd:.2f}",
)
"""Texts of figures, which may stand in other ones."""

IGNORED = {
    "agent": phrase("agent"),
    "audio": phrase("audio"),
    "embedded phone": phrase("embedded phone"),
    "tools": phrase("tools"),
}
"""From where something came that was ignored; other names stay as they are."""

QUEUE = {
    "waiting": phrase("waiting"),
    "admitted": phrase("admitted"),
    "timed_out": phrase("timed out"),
}
