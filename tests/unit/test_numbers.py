"""What is typed becomes one strict SIP URI or a sentence; never a second command, never an emergency call."""

import re

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from console.core import never_call
from console.core.numbers import Judgement, Verdict, judge, judge_uri

DOMAIN = "sip.exolve.ru"
STRICT_NUMBER_URI = re.compile(r"sip:[1-9][0-9]{4,14}@sip\.exolve\.ru")
STRICT_URI = re.compile(
    r"sips?:[A-Za-z0-9_.!~*+%-]{1,192}@[A-Za-z0-9.:\[\]-]{1,260}"
    r"(;transport=(udp|tcp|tls)|;user=(phone|ip)){0,2}"
)
EMERGENCY = ["112", "911", "101", "102", "103", "104"]


def ru(text: str, **more: object) -> Judgement:
    return judge(text, region="RU", domain=DOMAIN, **more)  # type: ignore[arg-type]


def uri(text: str, domain: str = DOMAIN, **more: object) -> Judgement:
    return judge_uri(text, domain=domain, **more)  # type: ignore[arg-type]


# ---- numbers ----


@pytest.mark.parametrize(
    "text",
    [
        "8 912 345-67-89",
        "+7 912 345-67-89",
        "+7 (912) 345.67.89",
        "(+7)9123456789",
        "79123456789",
        "9123456789",
        "89123456789",
        " +7\u00a0912\u2009345\u2011 67–89\n",
    ],
)
def test_every_spelling_is_the_same_uri(text: str) -> None:
    seen = ru(text)
    assert seen == Judgement(
        Verdict.OK,
        e164="+79123456789",
        uri="sip:79123456789@sip.exolve.ru",
        display="+7 912 345-67-89",
        country="RU",
        kind="mobile",
    )
    assert seen.label == "mobile RU"


def test_e164_keeps_the_plus() -> None:
    assert ru("8 912 345-67-89", e164=True).uri == "sip:+79123456789@sip.exolve.ru"


def test_region_decides_what_national_means() -> None:
    seen = judge("030 1234567", region="DE", domain="pbx.example:5070")
    assert (seen.verdict, seen.uri) == (Verdict.OK, "sip:49301234567@pbx.example:5070")


@pytest.mark.parametrize(
    "kind", [PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.TOLL_FREE]
)
def test_no_ordinary_number_of_any_country_is_taken_for_a_short_one(kind: int) -> None:
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        number = phonenumbers.example_number_for_type(region, kind)
        if number is None:
            continue
        for form in (PhoneNumberFormat.NATIONAL, PhoneNumberFormat.INTERNATIONAL):
            text = phonenumbers.format_number(number, form)
            seen = judge(text, region=region, domain=DOMAIN)
            assert seen.may_dial, (region, text, seen.why)
            assert seen.e164 == phonenumbers.format_number(number, PhoneNumberFormat.E164)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("8 903 111-22-3", "1 digit missing"),
        ("8 903 111-22", "2 digits missing"),
        ("+7 903", "7 digits missing"),
        ("903111223", "1 digit missing"),
        ("+", "Type a number"),
        ("", "Type a number"),
        ("+4", "The number is missing after the country code"),
    ],
)
def test_incomplete_says_what_is_missing(text: str, why: str) -> None:
    seen = ru(text)
    assert (seen.verdict, seen.why, seen.uri) == (Verdict.INCOMPLETE, why, "")


@pytest.mark.parametrize("digits", ["89031112233", "+79031112233", "810493012345678", "+12025550100"])
def test_typing_goes_from_incomplete_to_a_number(digits: str) -> None:
    verdicts = [ru(digits[:n]).verdict for n in range(1, len(digits) + 1)]
    assert verdicts[-1] in (Verdict.OK, Verdict.CONFIRM)
    assert verdicts[:-2].count(Verdict.REFUSED) <= 2  # a beginning may itself be a service number


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("8 903 111-22-334", "1 digit too many"),
        ("+7 903 111-22-33-44-5", "3 digits too many"),
        ("+999 123", "No number looks like this"),
        ("8-800-FLOWERS", "'F'"),
        ("+7912345678O", "'O'"),
        ("+79123456789;ext=12", "extension"),
        ("+7 912 345-67-89 доб. 12", "extension"),
        ("+79123456789 ext 5", "extension"),
        ("+79123456789x5", "extension"),
        ("+79123456789,,5", "extension"),
        ("+7+9123456789", "one +"),
        ("9123456789+", "one +"),
        ("*100#", "'*'"),
        ("+7912\u202e3456789", "invisible"),
        ("+7912345\r\nhangup", "h"),
        ("+7912\x003456789", "invisible"),
        ("９１２３４５６７８９", "'９'"),
        ("٩١٢٣٤٥٦٧٨٩", "only digits"),
        ("sip:100@127.0.0.1", "SIP URI"),
        ("1" * 65, "too long"),
    ],
)
def test_refused_in_words(text: str, part: str) -> None:
    seen = ru(text)
    assert seen.verdict is Verdict.REFUSED
    assert part in seen.why
    assert seen.why.isprintable()
    assert seen.uri == ""


@pytest.mark.parametrize("short", EMERGENCY)
@pytest.mark.parametrize("form", ["{}", "+7{}", "+7 ({})", "8{}", "7{}", "810{}", "+{}", " {} ", "0{}"])
def test_emergency_numbers_are_refused_in_every_form(short: str, form: str) -> None:
    spelled = "-".join(form.format(short))
    for text in (form.format(short), spelled):
        seen = ru(text)
        assert not seen.may_dial, text
        assert seen.uri == ""
    if form == "{}":
        assert "emergency" in ru(spelled).why


@pytest.mark.parametrize(
    ("text", "region"), [("01", "RU"), ("02", "RU"), ("110", "DE"), ("999", "GB"), ("+44 999", "RU")]
)
def test_emergency_numbers_of_other_places(text: str, region: str) -> None:
    seen = judge(text, region=region, domain=DOMAIN)
    assert seen.verdict is Verdict.REFUSED
    assert "emergency" in seen.why


def test_short_service_numbers_are_refused() -> None:
    seen = judge("115", region="DE", domain=DOMAIN)
    assert seen.verdict is Verdict.REFUSED
    assert "short service number" in seen.why


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("+49 30 1234567", "foreign number (DE)"),
        ("810 49 30 1234567", "foreign number (DE)"),
        ("8 701 123 45 67", "foreign number (KZ)"),
        ("8 809 123 45 67", "premium rate"),
    ],
)
def test_costly_and_foreign_numbers_ask_first(text: str, reason: str) -> None:
    seen = ru(text)
    assert seen.verdict is Verdict.CONFIRM
    assert reason in seen.why
    assert STRICT_NUMBER_URI.fullmatch(seen.uri)


def test_answered_today_asks_first() -> None:
    seen = ru("8 912 345-67-89", answered_today={"+79123456789"})
    assert seen.verdict is Verdict.CONFIRM
    assert "24 hours" in seen.why


def test_never_call_wins_over_everything() -> None:
    seen = ru("8 912 345-67-89", never_call={"+79123456789"}, answered_today={"+79123456789"})
    assert seen.verdict is Verdict.REFUSED
    assert "never-call" in seen.why
    assert seen.uri == ""


@pytest.mark.parametrize("domain", ["", "a b", "h\r\nX: y", "h;x", "h:0", "h:99999", "<h>"])
def test_a_bad_domain_dials_nothing(domain: str) -> None:
    assert judge("+79123456789", region="RU", domain=domain).verdict is Verdict.REFUSED
    assert judge_uri("100", domain=domain).verdict is Verdict.REFUSED


# ---- URIs, names, extensions ----


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("100", "sip:100@sip.exolve.ru"),
        ("alice", "sip:alice@sip.exolve.ru"),
        ("*43#", "sip:*43%23@sip.exolve.ru"),
        ("alice@pbx.example", "sip:alice@pbx.example"),
        ("sip:100@127.0.0.1:5072", "sip:100@127.0.0.1:5072"),
        ("SIPS:Bob@h;transport=TLS", "sips:Bob@h;transport=tls"),
        ("sip:a@[::1]:5060", "sip:a@[::1]:5060"),
        ("8 912 345-67-89".replace(" ", ""), "sip:79123456789@sip.exolve.ru"),
        ("sip:+79123456789@h;user=phone", "sip:+79123456789@h;user=phone"),
    ],
)
def test_uris(text: str, result: str) -> None:
    seen = uri(text)
    assert (seen.verdict, seen.uri) == (Verdict.OK, result)


def test_names_on_a_line_without_registrar() -> None:
    assert uri("100", "127.0.0.1:5080").uri == "sip:100@127.0.0.1:5080"


@pytest.mark.parametrize(
    "text",
    [
        "sip:a b@c",
        "sip:a@b\r\nX: y",
        "a\nhangup",
        "sip:a@b?Replaces=x",
        "sip:a@b;maddr=10.0.0.1",
        "sip:a:password@b",
        "<sip:a@b>",
        '"A" <sip:a@b>',
        "sip:a@b:99999",
        "sip:@b",
        "sip:b",
        "sip:a@",
        "sip:a@b@c",
        "tel:+79123456789",
        "http://a@b",
        "sip:%31%31%32@h",
        "sip:a@b,sip:c@d",
        "имя",
        "a" * 65,
        ";rm",
        "/quit",
    ],
)
def test_odd_uris_are_refused(text: str) -> None:
    seen = uri(text)
    assert seen.verdict is Verdict.REFUSED
    assert seen.why.endswith(".")
    assert seen.uri == ""


@pytest.mark.parametrize("short", [*EMERGENCY, "01", "02"])
@pytest.mark.parametrize(
    "form", ["{}", "sip:{}@h", "{}@h:5070", "sip:+7{}@h", "sip:*{}#@h", "sips:{}@h;user=phone"]
)
def test_emergency_numbers_hide_nowhere(short: str, form: str) -> None:
    if len(short) == 2 and "+7" in form:
        return
    for text in (form.format(short), form.format(".".join(short))):
        seen = uri(text)
        assert seen.verdict is Verdict.REFUSED, text
        assert "emergency" in seen.why


@pytest.mark.parametrize(
    "text", ["sip:79123456789@h", "89123456789@h", "sip:+7-912-345.67.89@h", "89123456789"]
)
def test_never_call_numbers_hide_nowhere(text: str) -> None:
    assert uri(text, never_call={"+79123456789"}).verdict is Verdict.REFUSED
    assert uri(text, answered_today={"+79123456789"}).verdict is Verdict.CONFIRM


@pytest.mark.parametrize("entry", ["bob", "bob@h:5070"])
def test_never_call_holds_names_too(entry: str) -> None:
    assert uri("sip:Bob@h:5070", never_call={entry}).verdict is Verdict.REFUSED
    assert uri("sip:rob@h:5070", never_call={entry}).verdict is Verdict.OK


def test_the_list_is_read_in_any_spelling() -> None:
    lines = [
        "\ufeff8 (912) 345-67-89  # asked us to stop",
        "# a comment",
        "",
        "+49 30 1234567\r\n",
        "100",
        "Bob@pbx.example:5070",
        "no such: thing",
    ]
    numbers, problems = never_call.read(lines, "RU")
    assert numbers == {"+79123456789", "+49301234567", "100", "bob@pbx.example:5070"}
    assert problems == ("Line 7 is neither a number nor a SIP name: 'no such: thing'.",)


# ---- properties ----

TYPED = st.text(
    alphabet=st.one_of(st.sampled_from("0123456789+-() .*#;@:?&=%sipx\r\n\"'<>\x00\u202e"), st.characters()),
    max_size=70,
)
DIGITS = st.text(alphabet="0123456789", min_size=1, max_size=20)


@given(st.one_of(TYPED, DIGITS, DIGITS.map("+".__add__)))
@example("+79123456789")
@example("+4920100000000000")
def test_whatever_is_typed_the_uri_is_strict(text: str) -> None:
    seen = ru(text)
    assert seen.may_dial == bool(seen.uri)
    assert seen.display.isprintable()
    assert seen.why.isprintable()
    if seen.uri:
        assert STRICT_NUMBER_URI.fullmatch(seen.uri)
        assert seen.e164 == "+" + seen.uri[4:].split("@")[0]
        typed = re.sub(r"\D", "", text)
        assert seen.e164[-4:] == typed[-4:]  # only a prefix is ever taken off: +44 (0)20 ...
    else:
        assert seen.why


@given(st.one_of(TYPED, TYPED.map("sip:".__add__), DIGITS, st.tuples(TYPED, TYPED).map("@".join)))
@example("sip:100@127.0.0.1:5072")
def test_whatever_is_typed_as_uri_the_uri_is_strict(text: str) -> None:
    seen = uri(text)
    assert seen.may_dial == bool(seen.uri)
    assert seen.display.isprintable()
    if seen.uri:
        assert STRICT_URI.fullmatch(seen.uri)
    else:
        assert seen.why
