"""The settings: what is wrong, missing, misspelt or doubtful, and who can read the file."""

from __future__ import annotations

from ...core.finding import Finding, problem, warning
from ...core.words import phrase
from ...settings import env_file
from ...settings.loading import make_folders
from ..checking import Context, Fix, Result, check
from ..wording import halves

_CORRECT = phrase("Correct it where it is set.")


@check("settings")
def look(context: Context) -> Result:
    loaded = context.loaded
    exposed = env_file.exposed(loaded.env_file) if loaded.env_file else ""
    findings = [
        problem("settings.wrong", *halves(text, _CORRECT)) for text in (*loaded.problems, *_folders(context))
    ]
    findings += _missing(context)
    findings += [
        warning("settings.doubtful", *halves(text, _CORRECT)) for text in loaded.warnings if text != exposed
    ]
    fixes = []
    if exposed and loaded.env_file:
        path = loaded.env_file
        findings.append(
            problem(
                "settings.exposed",
                phrase("{path} can be read by other users.", path=path),
                phrase("Run chmod 600 {path}.", path=path),
            )
        )
        fixes.append(
            Fix("settings.exposed", phrase("Let only you read {path}?", path=path), lambda: path.chmod(0o600))
        )
    facts = (str(loaded.env_file or phrase("from the environment")),)
    return Result(tuple(findings), facts, fixes=tuple(fixes))


def _folders(context: Context) -> list[str]:
    return make_folders(context.settings) if not context.loaded.problems else []


def _missing(context: Context) -> list[Finding]:
    loaded = context.loaded
    if not loaded.has_line:
        return [
            problem(
                "settings.none",
                phrase("No line of your own is set up; the screen opens on the built-in demo line."),
                phrase("Copy .env.example to .env and fill in the account and the agent, or add --demo."),
            )
        ]
    found = [
        problem("settings.missing", phrase("The line is not filled in: nothing can be dialed."), sentence)
        for sentence in loaded.missing
    ]
    if not loaded.settings.agent_id:
        found.append(
            problem(
                "settings.no-agent",
                phrase("No AI agent is set."),
                phrase("Fill in ELEVENLABS_AGENT_ID in .env."),
            )
        )
    return found
