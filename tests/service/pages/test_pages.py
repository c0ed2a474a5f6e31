"""The pages: what each is given, its words, and the way through them without a browser."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import httpx
import pytest
from jinja2 import meta, nodes

from customs.evidence import Evidence, Message, Reference
from customs.sentences import LANGUAGES, Language, placeholders
from portcullis.report import driver_label
from portcullis.web.built import STATIC
from portcullis.web.case.rows import EvidenceRow
from portcullis.web.frame import Page, Part
from portcullis.web.renderer import TEMPLATES, environment
from portcullis.web.rooms import PAGES, PARTS
from portcullis.web.words import CATALOGUES, catalogue, translations

Stored = Callable[[], tuple[int, list[str]]]


@pytest.fixture
def visitor(address: str, make: SimpleNamespace) -> Iterator[httpx.Client]:
    """A client that signed in by the form and goes on as a browser would."""
    headers = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
    with httpx.Client(base_url=address, headers=headers, follow_redirects=True) as client:
        form = {"name": make.name, "password": make.password}
        assert client.post("/login", data=form).status_code == 200
        yield client


def wanted_by(template: str) -> set[str]:
    """Names that a template uses, with those of the templates that it extends or includes."""
    made = environment("en")
    names: set[str] = set()
    own: set[str] = {"_", *made.globals}
    waiting, seen = [template], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        tree = made.parse((TEMPLATES / name).read_text(encoding="utf-8"))
        names |= meta.find_undeclared_variables(tree)
        own |= {macro.name for macro in tree.find_all(nodes.Macro)}
        own |= {str(word) for line in tree.find_all(nodes.FromImport) for word in line.names}
        own |= {
            each.target.name for each in tree.find_all(nodes.Assign) if isinstance(each.target, nodes.Name)
        }
        for node in (*tree.find_all(nodes.Extends), *tree.find_all(nodes.Include)):
            assert isinstance(node.template, nodes.Const), f"{name}: the name of a template is a constant"
            waiting.append(node.template.value)
    return names - own


@pytest.mark.parametrize("shape", [*PAGES, *PARTS], ids=lambda shape: shape.__name__)
def test_a_page_is_given_exactly_what_its_template_uses(shape: type[Page] | type[Part]) -> None:
    """Nothing is missing and nothing is left over; `language` is there for every template."""
    assert {f.name for f in dataclasses.fields(shape)} - {"language"} == wanted_by(shape.template)


def words_in_templates() -> set[str]:
    """Every English text that the templates mark for translation."""
    from babel.messages.extract import extract_from_dir

    options = {"**.html": {"newstyle_gettext": "true"}}
    found = extract_from_dir(TEMPLATES, method_map=[("**.html", "jinja2")], options_map=options)
    return {str(text) for _, _, text, _, _ in found}


def test_the_korean_catalogues_are_complete_and_hold_nothing_else() -> None:
    """Every text of the templates, with the same values in it."""
    korean = {m.id: m.string for m in catalogue("ko") if m.id}
    assert set(korean) == words_in_templates()
    for text, word in korean.items():
        values = re.findall(r"%\(\w+\)s", text)
        assert word
        assert sorted(re.findall(r"%\(\w+\)s", word)) == sorted(values), text
        assert not re.search(r"%\(\w+\)s\s?(을|를|이|가|은|는)(?![가-힣])", word), (
            f"{word}: particle after a value"
        )


def test_a_text_has_one_korean_word_in_all_catalogues() -> None:
    """A room may repeat what another says, but not say it otherwise."""
    from babel.messages.pofile import read_po

    said: dict[str, tuple[str, str]] = {}
    for path in sorted((CATALOGUES / "ko").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file):
                if message.id:
                    there, word = said.setdefault(message.id, (path.name, message.string))
                    assert word == message.string, f"{message.id!r} in {there} and {path.name}"


def test_english_needs_no_catalogue() -> None:
    """The templates are written in it."""
    assert translations("en").gettext("Sign in") == "Sign in"
    assert translations("ko").gettext("Sign in") == "로그인"


def test_every_disagreement_has_a_name_in_words() -> None:
    """Officers do not read ids."""
    from customs.sentences import catalogue
    from fusion.findings import MISMATCHES

    named = {name.removeprefix("check.") for name in catalogue() if name.startswith("check.")}
    assert {f"mismatch.{rule.__name__}" for rule in MISMATCHES} <= named
    for name in named:
        entry = catalogue()[f"check.{name}"]
        assert set(entry) == set(LANGUAGES)
        assert not any(placeholders(entry[language]) for language in LANGUAGES)


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb or #rgb (WCAG 2.2)."""
    digits = colour.lstrip("#")
    digits = "".join(2 * d for d in digits) if len(digits) == 3 else digits
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_stands_out_from_its_ground(theme: int) -> None:
    """WCAG AA asks for 4.5 to 1; every pair of colours that the style sheet uses."""
    style = (STATIC / "css" / "base.css").read_text(encoding="utf-8")
    both = re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)", style)
    colours = {name: pair[theme] for name, *pair in both}
    pairs = [(ink, ground) for ink in ("ink", "soft", "link") for ground in ("ground", "card", "raised")]
    bands = ("clear", "watch", "high", "critical", "unknown")
    pairs += [(ink, f"{band}-ground") for band in bands for ink in (band, "ink")]
    pairs += [
        ("on-accent", "link"),
        ("on-accent", "critical"),
        ("ink", "link-ground"),
        ("link", "link-ground"),
    ]
    for ink, ground in pairs:
        light, dark = sorted((luminance(colours[ink]), luminance(colours[ground])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)


def evidence_of(unit: str, observed: float, expected: tuple[float, float]) -> Evidence:
    return Evidence(
        check="xray.packages",
        subject="D1",
        p_value=0.01,
        surprise=2.0,
        observed=observed,
        expected=expected,
        unit=unit,
        reference=Reference(group="all", size=99),
        message=Message(id="xray.packages.irregular"),
    )


@pytest.mark.parametrize(
    ("unit", "observed", "expected", "shown"),
    [
        ("packages", 1500.0, (12.4, 1310.6), ("1,500", "12 – 1,311", {"ko": "포장", "en": "packages"})),
        ("probability", 0.62, (0.0, 0.031), ("62%", "0% – 3.1%", {"ko": "", "en": ""})),
        ("probability", 0.0002, (0.0, 0.9998), ("<0.1%", "0% – >99.9%", {"ko": "", "en": ""})),
        ("kg", 21_500.4, (19_000.0, 23_000.0), ("21,500", "19,000 – 23,000", {"ko": "kg", "en": "kg"})),
    ],
)
def test_a_figure_is_written_as_its_unit_asks(
    unit: str, observed: float, expected: tuple[float, float], shown: tuple[str, str, dict[Language, str]]
) -> None:
    """Packages are whole and named in the reader's language, chances are never rounded to none or all."""
    for language, word in shown[2].items():
        row = EvidenceRow.of(evidence_of(unit, observed, expected), language)
        assert (row.observed, row.expected, row.unit) == (shown[0], shown[1], word)


def test_a_stranger_is_led_to_the_login_and_back(address: str) -> None:
    """The page that was asked for is remembered."""
    answer = httpx.get(address + "/assessments/abc")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=/assessments/abc"


def test_the_language_asked_for_survives_the_sign_in(address: str) -> None:
    answer = httpx.get(address + "/?lang=ko")
    assert answer.headers["location"] == "/login?next=/&lang=ko"


@pytest.mark.parametrize(("language", "verdict"), [("ko", "위험 매우 높음"), ("en", "Critical risk")])
def test_an_upload_leads_to_a_page_with_verdict_findings_evidence_and_pictures(
    visitor: httpx.Client, make: SimpleNamespace, language: str, verdict: str
) -> None:
    """The verdict in words comes first, then what to look for."""
    visitor.get("/desk", params={"lang": language})
    parts = {
        "declaration": ("d.json", make.declaration(line={"value": "40000 USD"})),
        "scan": ("s.png", make.scan()),
        "photo": ("p.png", make.photo()),
    }
    page = visitor.post("/desk", files=parts)
    assert page.url.path.startswith("/assessments/")
    text = page.text
    assert f'<html lang="{language}">' in text
    assert text.index(verdict) < text.index('class="findings"') < text.index('id="evidence"')
    assert "tabular@byhand" in text
    for picture in re.findall(r'<img[^>]* src="(/v1/[^"]+)"', text):
        assert visitor.get(picture).headers["content-type"] == "image/png"
    assert len(re.findall(r'src="/v1/', text)) == 3


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            (
                "would have been unremarkable",
                "What moved the expectation",
                "Last known month",
                "no one month",
            ),
        ),
        ("ko", ("특이하지 않은 단가", "예상값에 영향을 준 요인", "가장 최근 월의 단가", "특정 월 없음")),
    ],
)
def test_the_page_says_why_a_value_was_expected_and_what_would_have_been_usual(
    visitor: httpx.Client, make: SimpleNamespace, language: str, words: tuple[str, ...]
) -> None:
    """Under the sentence of the check; a usual line says none of it."""
    visitor.get("/desk", params={"lang": language})
    odd = visitor.post(
        "/desk", files={"declaration": ("d.json", make.declaration(line={"value": "40000 USD"}))}
    )
    text = odd.text[odd.text.index('id="evidence"') :]
    places = [text.index(word) for word in words]
    assert places == sorted(places)
    assert text.index("2025-03") < text.index("+3.1%") < text.index("-1.2%")
    usual = visitor.post("/desk", files={"declaration": ("d.json", make.declaration())}).text
    assert not any(word in usual for word in words)


def test_what_moves_an_expected_price_has_a_name_in_words() -> None:
    """Every driver that the model of prices may name, and no other."""
    from customs.sentences import catalogue
    from tabular_ae.features import NAMES, driver
    from tabular_ae.why import _CHANNEL_DRIVERS

    drivers = {*map(driver, NAMES), *_CHANNEL_DRIVERS}
    named = {name.removeprefix("driver.") for name in catalogue() if name.startswith("driver.")}
    assert named == drivers
    assert all(driver_label(name, language) != name for name in drivers for language in LANGUAGES)
    assert driver_label("moon", "en") == "moon"


def test_a_check_that_abstained_is_named_with_its_reason(
    visitor: httpx.Client, make: SimpleNamespace
) -> None:
    """Silence is shown as silence."""
    visitor.get("/desk?lang=en")
    text = visitor.post("/desk", files={"declaration": ("d.json", make.declaration())}).text
    silent = text[text.index("could not speak") :]
    assert "Packing on the scan" in silent
    assert "Unremarkable" in text


def test_a_mistake_is_shown_beside_the_form_and_nothing_typed_is_lost(
    visitor: httpx.Client, make: SimpleNamespace, stored: Stored
) -> None:
    """The form comes back with the text as it was; so does a mended one."""
    typed = make.declaration(origin="QQ").decode()
    page = visitor.post("/desk", files={"declaration": (None, typed), "scan": ("s.png", make.scan())})
    assert page.status_code == 422
    assert "origin" in page.text
    assert "ISO 3166-1" in page.text
    assert httpx.URL(page.url).path == "/desk"
    form = re.search(r"<textarea[^>]*>(.*?)</textarea>", page.text, re.S)
    assert form is not None
    import html

    assert html.unescape(form[1]) == typed
    assert stored() == (0, [])


def test_sending_the_same_form_twice_counts_once(
    visitor: httpx.Client, make: SimpleNamespace, stored: Stored
) -> None:
    """A double click makes one assessment; a new form with the same declaration makes another."""
    for once, count in (("a", 1), ("a", 1), ("b", 2)):
        parts = {"declaration": ("d.json", make.declaration()), "once": (None, once)}
        assert visitor.post("/desk", files=parts).status_code == 200
        assert stored()[0] == count


def test_what_a_stranger_wrote_is_text_and_never_markup(visitor: httpx.Client, make: SimpleNamespace) -> None:
    """In the list, on the page and in a form that is refused."""
    nasty = '"><script>alert(1)</script>'
    made = make.declaration(importer=nasty, line={"name": nasty, "description": nasty})
    pages = [visitor.post("/desk", files={"declaration": ("d.json", made)}).text, visitor.get("/desk").text]
    pages.append(visitor.post("/desk", files={"declaration": (None, nasty)}).text)
    for text in pages:
        assert "&lt;script&gt;" in text
        assert "alert(1)" not in text.replace("&lt;script&gt;alert(1)", "")


def test_pages_hold_no_inline_script_or_style_and_nothing_from_elsewhere(
    visitor: httpx.Client, make: SimpleNamespace
) -> None:
    """The policy would block them; nothing leaves the machine."""
    page = visitor.post("/desk", files={"declaration": ("d.json", make.declaration()), "scan": make.scan()})
    for text in (page.text, visitor.get("/desk").text, visitor.get("/login").text):
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|javascript:", text)
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', text)


def test_a_page_that_is_not_there_is_a_page(visitor: httpx.Client) -> None:
    """A browser gets HTML, a program the problem document."""
    page = visitor.get("/assessments/0123456789abcdef")
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert "0123456789abcdef" in page.text
    plain = visitor.get("/assessments/0123456789abcdef", headers={"Accept": "application/json"})
    assert plain.headers["content-type"] == "application/problem+json"


def test_signing_out_ends_it(visitor: httpx.Client) -> None:
    """The desk is closed again."""
    visitor.post("/logout")
    assert visitor.get("/").url.path == "/login"
