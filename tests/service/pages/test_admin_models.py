"""The pages on models, policy and imports: what they show, refuse beside the field, and change."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from fusion import Policy
from portcullis.consignment import Upload
from portcullis.identity.session import COOKIE
from portcullis.models import Models
from portcullis.service import Service
from portcullis.store.accounts import Account, Role
from portcullis.store.model_choices import Part, Said
from portcullis.web.admin.figures import apart, budgets, figures

HSK = (
    "HS부호,적용시작일자,적용종료일자,한글품목명,영문품목명,수량단위코드,중량단위코드\n"
    "0303670000,20220101,20251231,명태,Alaska Pollack,,KG\n"
    "0303670001,20220230,20251231,<script>,Alaska Pollack,,KG\n"
).encode("cp949")
FORM = {
    "bands.watch": "0.5",
    "bands.high": "0,9",
    "bands.critical": "2.5",
    "findings.note": "0.6",
    "findings.warning": "1",
    "findings.alarm": "2",
    "reason": "too few cases get here",
}
Asking = Callable[..., httpx.Response]


@pytest.fixture
def ask(address: str, service: Service, people: dict[Role, Account]) -> Iterator[Asking]:
    """Asks for a page as a role, in English unless told: `ask(Role.ADMIN, "GET", "/admin/models")`."""
    with httpx.Client(base_url=address, timeout=30) as client:

        def send(
            role: Role, method: str, path: str, *, language: str = "en", part: bool = False, **sent: Any
        ) -> httpx.Response:
            token = service.sessions.issue(people[role])
            cookie = f"{COOKIE}={token}; portcullis_language={language}"
            headers = {"Cookie": cookie, "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
            headers |= {"HX-Request": "true"} if part else {}
            return client.request(method, path, headers=headers, **sent)

        yield send


def words(answer: httpx.Response) -> str:
    """The text of a page, without its tags."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", answer.text)))


def seen(answer: httpx.Response) -> str:
    """The policy that the form was shown with."""
    found = re.search(r'name="seen" value="([^"]+)"', answer.text)
    assert found is not None
    return found[1]


def test_a_policy_is_previewed_published_and_taken_back(
    ask: Asking, service: Service, account: Account, make: SimpleNamespace
) -> None:
    """A decimal comma is understood; the shipped policy stands in the list to go back to."""
    for n, price in enumerate((160_000, 120_000, 60_000, 4_000)):
        service.assess(Upload(make.declaration(id=f"D{n}", line={"value": f"{price} USD"})), account)
    first = ask(Role.ANALYST, "GET", "/admin/policies")
    assert "Ships with Portcullis" in words(first)
    preview = ask(Role.ANALYST, "POST", "/admin/policies/preview", part=True, data=FORM)
    wanted = service.policy.with_thresholds(
        {"watch": 0.5, "high": 0.9, "critical": 2.5}, {"note": 0.6, "warning": 1, "alarm": 2}
    )
    change = service.policies.compared(service.policy, wanted)
    assert change.bands["clear"][0] != change.bands["clear"][1]
    for row in ("clear", "watch", "high", "critical"):
        pattern = rf'class="band {row}".*?</tr>'
        found = re.search(pattern, preview.text, re.S)
        assert found is not None
        counts = re.findall(r'<td class="figure">([\d,]+)', found[0])
        assert tuple(map(int, counts[:2])) == change.bands[row], row
    assert "<html" not in preview.text
    assert service.policies.page() == [], "a preview changes nothing"
    made = ask(Role.ANALYST, "POST", "/admin/policies", data={**FORM, "seen": seen(first)})
    assert (made.status_code, made.headers["location"]) == (303, "/admin/policies?done=published")
    assert service.policy.version == wanted.version
    shown = words(ask(Role.ADMIN, "GET", "/admin/policies"))
    assert "too few cases get here" in shown
    assert "an-analyst" in shown
    back = ask(Role.ANALYST, "POST", "/admin/policies/0", data={"reason": "back"})
    assert back.status_code == 303
    assert service.policy.bands == Policy.default().bands
    assert [one.reason for one in service.policies.page()] == ["back", "too few cases get here"]


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"bands.watch": "13"}, "bands.watch", "Give a number from 0 to 12."),
        ({"bands.high": ""}, "bands.high", "Give a number from 0 to 12."),
        ({"findings.alarm": "nan"}, "findings.alarm", "Give a number from 0 to 12."),
        ({"bands.watch": "0.95"}, "bands", "at least as high as the one before it"),
        ({"reason": "  "}, "reason", "Say why in 1 to 1,000 characters"),
        ({"reason": "x" * 1001}, "reason", "Say why in 1 to 1,000 characters"),
    ],
)
def test_what_cannot_be_a_policy_is_told_beside_the_field_and_nothing_typed_is_lost(
    ask: Asking, service: Service, typed: dict[str, str], field: str, said: str
) -> None:
    form = {**FORM, **typed, "seen": service.policy.version}
    answer = ask(Role.ANALYST, "POST", "/admin/policies", data=form)
    assert answer.status_code == 422
    assert re.search(
        rf'id="wrong-{re.escape(field)}">{re.escape(said)}|id="wrong-{field}">[^<]*{said}', answer.text
    )
    for name, value in form.items():
        if name not in ("seen", "reason"):
            assert f'name="{name}"' in answer.text
            assert f'value="{value}"' in answer.text
    assert form["reason"] in html.unescape(answer.text)
    assert service.policies.page() == []


def test_nobody_publishes_past_a_policy_that_they_have_not_seen(
    ask: Asking, service: Service, people: dict[Role, Account]
) -> None:
    """Another analyst was quicker: their policy is shown, and the typed one stays in the form."""
    before = seen(ask(Role.ANALYST, "GET", "/admin/policies"))
    other = service.policy.with_thresholds({"watch": 1, "high": 2, "critical": 3}, service.policy.findings)
    service.publish(other, "mine", people[Role.ANALYST])
    answer = ask(Role.ANALYST, "POST", "/admin/policies", data={**FORM, "seen": before})
    assert answer.status_code == 422
    assert "Somebody published another policy meanwhile" in words(answer)
    assert seen(answer) == other.version
    assert 'value="0.5"' in answer.text
    assert service.policy.version == other.version


def test_administrators_see_the_policy_and_cannot_change_it(ask: Asking, service: Service) -> None:
    """No form, and the address refuses too; others do not even see it."""
    shown = ask(Role.ADMIN, "GET", "/admin/policies")
    assert "<textarea" not in shown.text
    assert "for risk analysts to decide" in words(shown)
    for path in ("/admin/policies", "/admin/policies/0", "/admin/policies/preview"):
        assert ask(Role.ADMIN, "POST", path, data=FORM).status_code == 403
    for role in (Role.INSPECTOR, Role.BROKER):
        assert ask(role, "GET", "/admin/policies").status_code == 403
    assert service.policies.page() == []


def test_a_policy_given_at_the_start_is_said_to_stay(
    service: Service, by_hand: Models, make: SimpleNamespace, people: dict[Role, Account]
) -> None:
    given = Policy.default().with_thresholds(
        {"watch": 1, "high": 2, "critical": 4}, Policy.default().findings
    )
    pinned = Service.open(service.settings, by_hand, policy=given)
    cookie = {"Cookie": f"{COOKIE}={pinned.sessions.issue(people[Role.ANALYST])}; portcullis_language=en"}
    with make.running(pinned) as address:
        shown = httpx.get(f"{address}/admin/policies", headers=cookie)
    pinned.close()
    assert "started with a policy of its own" in words(shown)
    assert given.version in shown.text
    assert "<textarea" not in shown.text


def test_a_file_is_looked_at_then_stored_and_its_report_is_kept(ask: Asking, service: Service) -> None:
    """The look stores nothing; the report names the refused row and is there to download."""
    files = {"file": ("hsk.csv", HSK)}
    looked = ask(
        Role.ADMIN, "POST", "/admin/imports", part=True, data={"kind": "hsk", "act": "look"}, files=files
    )
    assert "nothing was stored" in words(looked)
    assert "20220230" in looked.text
    assert service.imports.page() == []
    made = ask(Role.ADMIN, "POST", "/admin/imports", data={"kind": "hsk", "act": "store"}, files=files)
    assert made.status_code == 303
    shown = words(ask(Role.ADMIN, "GET", made.headers["location"]))
    assert "The file is stored." in shown
    assert "20220230" in shown
    assert "imported before" not in shown
    number = service.imports.page()[0].id
    report = ask(Role.ADMIN, "GET", f"/admin/imports/{number}/report.json")
    assert json.loads(report.content)["refused"] == 1
    assert report.headers["content-disposition"] == f'attachment; filename="import-{number}.json"'
    whole = ask(Role.ADMIN, "POST", "/admin/imports", data={"kind": "hsk"}, files=files)
    assert "This very file was imported before." in words(whole), "without scripts the whole page comes"
    assert "<html" in whole.text
    again = ask(Role.ADMIN, "POST", "/admin/imports", data={"kind": "hsk", "act": "store"}, files=files)
    assert "This very file was imported before." in words(ask(Role.ADMIN, "GET", again.headers["location"]))
    assert len(service.imports.page()) == 2


@pytest.mark.parametrize(
    ("data", "files", "said"),
    [
        ({"kind": "hsk"}, {}, "Choose a file."),
        ({"kind": "moon"}, {"file": ("hsk.csv", HSK)}, "Choose what the file holds."),
        ({"kind": "trade", "columns": "month"}, {"file": ("t.csv", HSK)}, "Write one pair a line"),
        ({"kind": "hsk", "columns": "a=b"}, {"file": ("hsk.csv", HSK)}, "has fixed column names"),
        ({"kind": "macro"}, {"file": ("m.csv", b"")}, "The file cannot be read."),
    ],
)
@pytest.mark.parametrize("act", ["look", "store"])
def test_what_cannot_be_imported_is_said_and_the_choice_stays(
    ask: Asking, service: Service, data: dict[str, str], files: Any, said: str, act: str
) -> None:
    answer = ask(Role.ADMIN, "POST", "/admin/imports", data={**data, "act": act}, files=files)
    assert 400 <= answer.status_code < 500
    assert said in words(answer)
    if data["kind"] != "moon":
        assert f'<option value="{data["kind"]}" selected>' in answer.text
    assert data.get("columns", "") in answer.text
    assert service.imports.page() == []


def test_only_administrators_see_imports(ask: Asking, service: Service) -> None:
    """Not the analysts, whose tabs do not lead there either."""
    sent = {"data": {"kind": "hsk", "act": "store"}, "files": {"file": ("hsk.csv", HSK)}}
    for role in (Role.INSPECTOR, Role.BROKER, Role.ANALYST):
        assert ask(role, "GET", "/admin/imports").status_code == 403
        assert ask(role, "POST", "/admin/imports", **sent).status_code == 403
    assert "/admin/imports" not in ask(Role.ANALYST, "GET", "/admin/models").text
    assert ask(Role.ADMIN, "GET", "/admin/imports/7").status_code == 404
    assert service.imports.page() == []


@pytest.fixture
def sets(service: Service, quick_models: Path, other_tabular: Path) -> Path:
    """The folder of the service's models, with the sets `default` and `next`."""
    folder = service.settings.models
    shutil.copytree(quick_models / "tabular", folder / "tabular")
    shutil.copytree(other_tabular, folder / "sets" / "next" / "tabular")
    return folder


def test_an_administrator_switches_with_a_reason_that_stays(
    ask: Asking, service: Service, sets: Path
) -> None:
    """Shadow first, then live, then no shadow; an analyst sees who did it and why."""
    for role, name, reason in (("shadow", "next", "try"), ("live", "next", "better"), ("shadow", "", "done")):
        data = {"role": role, "set": name, "reason": reason}
        made = ask(Role.ADMIN, "POST", "/admin/models", data=data)
        assert (made.status_code, made.headers["location"]) == (303, "/admin/models?done=switched")
    live = service.choices.current(Part.LIVE)
    assert live is not None
    assert (live.name, live.account, live.reason) == ("next", "an-admin", "better")
    shown = ask(Role.ANALYST, "GET", "/admin/models")
    text = words(shown)
    for one in ("try", "better", "done", "an-admin", "Being loaded", live.versions["tabular"]):
        assert one in text
    assert "Reason for the switch" not in text
    assert ask(Role.ANALYST, "POST", "/admin/models", data=data).status_code == 403


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"role": "live", "set": "next", "reason": " "}, "Say why in 1 to 1,000 characters"),
        ({"role": "live", "set": "", "reason": "x"}, "Choose whether the set answers"),
        ({"role": "boss", "set": "next", "reason": "x"}, "Choose whether the set answers"),
        ({"role": "live", "set": "moon", "reason": "x"}, "There is no such set any more."),
        ({"role": "live", "set": "next", "reason": "because"}, "are not those that its manifests name"),
    ],
)
def test_a_switch_that_cannot_be_is_refused_in_words(
    ask: Asking, service: Service, sets: Path, data: dict[str, str], said: str
) -> None:
    """Also one whose files are damaged; what was typed stays."""
    if data["reason"] == "because":
        file = next(p for p in (sets / "sets" / "next" / "tabular").iterdir() if p.suffix == ".safetensors")
        file.write_bytes(file.read_bytes()[:-1])
    answer = ask(Role.ADMIN, "POST", "/admin/models", data=data)
    assert answer.status_code == 422
    assert said in words(answer)
    if data["set"] == "next":
        assert f'value="{data["reason"].strip()}"' in answer.text
    assert service.choices.history() == []


def test_the_shadow_is_compared_by_band(
    ask: Asking, service: Service, account: Account, make: SimpleNamespace, by_hand: Models
) -> None:
    """Counts of the store in a table; without a score the page says that it does not know."""
    board = service.switchboard
    board._states[Part.SHADOW] = replace(board.state(Part.SHADOW), name="next", models=by_hand)
    assert "We do not know yet" in words(ask(Role.ANALYST, "GET", "/admin/models"))
    case = service.assess(Upload(make.declaration()), account).id
    for band, surprise in (("clear", 1.0), ("high", 2.5), ("high", 2.5)):
        said = Said(case, "clear", band, 1.0, surprise, 0.1)
        service.choices.note("next", by_hand.all_versions, said)
    text = words(ask(Role.ANALYST, "GET", "/admin/models"))
    assert "Same band 33.3%" in text
    assert "Unremarkable 0 1 0 2 0" in text
    assert "+1.000" in text


def test_figures_of_a_manifest_are_written_for_a_reader() -> None:
    """Shares as shares, rivals beside each other, nothing lost, order natural."""
    given = {
        "recall_10%": 0.7,
        "recall_1%": 0.05,
        "precision_1%": 1.0,
        "auroc": 0.96991,
        "held_out.hs10.top1": 0.5,
        "held_out.hs4.top1": 0.9,
        "held_out.fisher.top1": 0.79,
        "clean_cases": None,
        "rows": 10571,
        "new": {"thing": [1, 2]},
        "notes": [],
        "checks": ["a"],
    }
    found = figures(given)
    assert [(b.share, b.precision, b.recall) for b in budgets(found["quality"])] == [
        ("1%", "100.0%", "5.0%"),
        ("10%", "", "70.0%"),
    ]
    assert [(f.word, f.at, f.value) for f in apart(found["quality"])] == [
        ("auroc", "", "0.9699"),
        ("top1_level", "4", "90.0%"),
        ("top1_level", "10", "50.0%"),
        ("top1_photo", "fisher", "79.0%"),
    ]
    assert [(f.word, f.value) for f in found["data"]] == [("clean_cases", "–"), ("rows", "10,571")]
    assert [(f.name, f.value) for f in found["other"]] == [("new.thing", "1, 2")]


@pytest.mark.browser
@pytest.mark.parametrize(("language", "theme"), [("ko", "dark"), ("en", "light")])
def test_the_way_through_policy_imports_and_models(
    open_as: Callable[..., Any],
    service: Service,
    account: Account,
    make: SimpleNamespace,
    axe: Callable[[Any], None],
    language: str,
    theme: str,
) -> None:
    """A preview follows what is typed; a file stays chosen after a look; axe finds nothing grave."""
    service.assess(Upload(make.declaration(line={"value": "60000 USD"})), account)
    scheme = {"color_scheme": theme}
    page = open_as(Role.ANALYST, "/admin/policies", language=language, **scheme)
    axe(page)
    page.fill("[id='bands.watch']", "0.2")
    page.wait_for_selector("#change table")
    assert "1.6" in page.inner_text("[id='bands.watch-one']")
    axe(page)
    page.fill("#reason", "more to look at")
    page.click("#policy button:not([formaction])")
    page.wait_for_url("**/admin/policies?done=published")
    assert service.policy.bands["watch"] == 0.2
    page.click("td details summary")
    axe(page)
    page = open_as(Role.ADMIN, "/admin/imports", language=language, **scheme)
    axe(page)
    page.select_option("#kind", "hsk")
    page.set_input_files("#file", {"name": "hsk.csv", "mimeType": "text/csv", "buffer": HSK})
    page.click("button[value=look]")
    page.wait_for_selector("#looked table")
    axe(page)
    assert service.imports.page() == []
    page.click("button[value=store]")
    page.wait_for_url("**/admin/imports/*done=imported")
    axe(page)
    assert service.imports.page()[0].rows_stored == 1
    large = {"name": "l.csv", "mimeType": "text/csv", "buffer": b"0" * (5 * 1024 * 1024)}
    page.goto(page.url.split("/admin")[0] + "/admin/imports")
    page.wait_for_selector("html[data-ready]")
    page.select_option("#kind", "hsk")
    page.set_input_files("#file", large)
    page.click("button[value=store]")
    assert page.evaluate("document.querySelector('#file').validationMessage").find("4 MB") >= 0
    assert len(service.imports.page()) == 1
    page = open_as(Role.ADMIN, "/admin/models", language=language, **scheme)
    axe(page)
