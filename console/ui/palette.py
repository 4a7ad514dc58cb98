"""What the command palette offers: everything the console can do, found by its words."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.theme import ThemeProvider

from console.core.words import msgid
from console.language import tr


class Command(NamedTuple):
    """A key, or another name for what has none, and in message ids what it is called and does."""

    key: str
    title: str
    does: str


COMMANDS = (
    Command("Enter", msgid("Dial"), msgid("The number in the field")),
    Command("h", msgid("Hang up"), msgid("The call on screen")),
    Command("a", msgid("Answer"), msgid("The incoming call, with the AI")),
    Command("x", msgid("Reject"), msgid("The incoming call")),
    Command("w", msgid("Tell the AI"), msgid("Something the callee does not hear; a field opens")),
    Command("s", msgid("Silence the AI"), msgid("For 15 s at most; again lets it speak")),
    Command("g", msgid("Goodbye"), msgid("The AI says goodbye; the call ends within 8 s")),
    Command("d", msgid("Send digits"), msgid("Press keys on the line; a field opens")),
    Command("tab", msgid("Next call"), msgid("Show another of the calls that go on")),
    Command("o", msgid("Ear"), msgid("Listen to both sides, or stop")),
    Command("k", msgid("Five more minutes"), msgid("For this call")),
    Command("r", msgid("Register again"), msgid("Not during a call")),
    Command("!", msgid("Never call again"), msgid("Hang up, and put the number on the never-call list")),
    Command("allow", msgid("Allow dialing"), msgid("After a refusal by ElevenLabs stopped it")),
    Command("u", msgid("Dial a SIP address"), msgid("Opens a field")),
    Command("f", msgid("Filter the timeline"), msgid("Show one kind, or a word")),
    Command("l", msgid("Go to the timeline"), msgid("Move and select there")),
    Command("i", msgid("Details of an entry"), msgid("Everything a record holds")),
    Command("c", msgid("Copy"), msgid("The selected entries, or the newest")),
    Command("all", msgid("Copy the whole timeline"), msgid("As it is shown")),
    Command("?", msgid("Help"), msgid("All keys")),
    Command("theme", msgid("Theme"), msgid("Change the colours")),
    Command("ctrl+q", msgid("Quit"), msgid("Asks during a call")),
)

LOOKING_ON = ("tab", "f", "l", "i", "c", "all", "?", "theme", "ctrl+q")
"""Those that are left to who only looks on."""

WITHOUT_KEY = ("allow", "all", "theme")


def command_palette() -> CommandPalette:
    """Everything the console can do."""
    placeholder = tr("Search for a command…")
    return CommandPalette([ConsoleCommands], placeholder=placeholder, id="--command-palette")


def theme_palette() -> CommandPalette:
    """The colours of the screen."""
    return CommandPalette([Themes], placeholder=tr("Search for a theme…"))


class ConsoleCommands(Provider):
    """The commands of the app in their own order."""

    async def discover(self) -> Hits:
        for command in self.app.get_system_commands(self.screen):
            yield DiscoveryHit(command.title, command.callback, help=command.help)

    async def search(self, query: str) -> Hits:
        matcher, found = self.matcher(query), False
        for command in self.app.get_system_commands(self.screen):
            score = matcher.match(command.title)
            if score > 0:
                found = True
                yield Hit(score, matcher.highlight(command.title), command.callback, help=command.help)
        if not found:
            yield _nothing_found()


class Themes(ThemeProvider):
    """The themes by their names."""

    async def search(self, query: str) -> Hits:
        found = False
        async for hit in super().search(query):
            found = True
            yield hit
        if not found:
            yield _nothing_found()


def _nothing_found() -> Hit:
    return Hit(1.0, tr("Nothing found"), partial(bool))
