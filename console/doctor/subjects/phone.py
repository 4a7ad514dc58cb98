"""The phone program: Baresip with its modules, or the library of the embedded engine."""

from __future__ import annotations

from ...core.finding import Finding, problem, warning
from ...core.words import altered, enumerated, phrase
from ...phone import baresip_program
from ...phone.baresip_config import codecs_for
from ...phone.baresip_program import BaresipProgram
from ...ports import PhoneError
from ...settings import phone_choice
from ...wiring import sip_account
from ..checking import Context, Result, check

_CONVERTERS = ("auconv", "auresamp")


@check("phone")
async def look(context: Context) -> Result:
    if not context.external:
        return _embedded()
    if context.joins:
        return Result(facts=(phrase("joins the Baresip at {ctrl}", ctrl=context.settings.baresip_ctrl),))
    try:
        program = await baresip_program.inspect(context.settings.baresip_bin)
    except PhoneError as error:
        return Result((_sentence("phone.program", str(error)),))
    findings = [*_modules(context, program), *_age(program)]
    return Result(
        tuple(findings), (phrase("Baresip {version} at {path}", version=program.version, path=program.path),)
    )


def _embedded() -> Result:
    if phone_choice.embedded_runs_here():
        return Result(facts=(phrase("embedded phone"),))
    missing = problem(
        "phone.embedded",
        phrase("The embedded phone is not installed here (it exists for Linux)."),
        phrase("Run make install, or install Baresip and set CONSOLE_ENGINE=baresip."),
    )
    return Result((missing,))


def _sentence(code: str, sentence: str) -> Finding:
    """`No phone: what is wrong; what to do.`"""
    return problem(code, altered(sentence, _what), altered(sentence, _remedy))


def _what(sentence: str) -> str:
    what = sentence.partition(": ")[2].partition("; ")[0]
    return f"{what[:1].upper()}{what[1:]}."


def _remedy(sentence: str) -> str:
    remedy = sentence.partition("; ")[2]
    return f"{remedy[:1].upper()}{remedy[1:]}"


def _modules(context: Context, program: BaresipProgram) -> list[Finding]:
    findings = []
    account = sip_account(context.settings)
    try:
        usable = codecs_for(account, program)
    except PhoneError as error:
        usable = ()
        findings.append(
            problem("phone.codecs", str(error), phrase("Install its modules, or change SIP_CODECS."))
        )
    if usable and (missing := [codec for codec in account.codecs if codec not in usable]):
        findings.append(
            warning(
                "phone.codec",
                phrase(
                    "Baresip has no module for {missing}: other codecs of SIP_CODECS are used.",
                    missing=", ".join(missing),
                ),
                phrase("Install the module, or take the codec out of SIP_CODECS."),
            )
        )
    lacking = [name for name in _CONVERTERS if name not in program.modules]
    if lacking and program.version >= (2, 0):
        findings.append(
            problem(
                "phone.converters",
                phrase(
                    "Baresip {version} lacks its module {lacking}: calls stay silent.",
                    version=program.version,
                    lacking=enumerated(lacking),
                ),
                phrase(
                    "Install {lacking} into {module_dir}.",
                    lacking=enumerated(lacking),
                    module_dir=program.module_dir,
                ),
            )
        )
    return findings


def _age(program: BaresipProgram) -> list[Finding]:
    if program.version >= (2, 0):
        return []
    return [
        warning(
            "phone.old",
            phrase(
                "Baresip {version} is old: it carries one call at a time, and checks no TLS server.",
                version=program.version,
            ),
            phrase("Install Baresip 2.0 or newer, or set CONSOLE_ENGINE=embedded."),
        )
    ]
