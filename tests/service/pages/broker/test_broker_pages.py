"""The broker's pages: by HTTP, and by hand in a browser in Korean and English."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from customs.readers import concordance
from portcullis.broking.list_runner import ListRunner
from portcullis.identity.session import COOKIE
from portcullis.service import Service
from portcullis.store.accounts import Account, Role
from portcullis.store.intake import store

Opening = Callable[..., Any]


def asked(broker: httpx.Client, **fields: Any) -> str:
    parts = [
        (name, (None, v))
        for name, value in fields.items()
        for v in ([value] if isinstance(value, str) else value)
    ]
    answer = broker.post("/codes/suggestions", files=parts)
    assert answer.status_code == 200
    return answer.text


def test_a_suggestion_shows_code_path_validity_duty_and_ruling(broker: httpx.Client) -> None:
    text = asked(broker, text="냉동 새우살")
    for said in (
        "0306.17-1090",
        "새우살",
        "Peeled shrimps",
        "갑각류",
        "Crustaceans",
        "In force",
        "<strong>20 %</strong>",
        "Ruling",
    ):
        assert said in text, said
    assert "What would change the code" in text


def test_what_the_table_does_not_know_is_said(broker: httpx.Client) -> None:
    """A code that ended, and one that the table does not have."""
    assert "No longer in force" in asked(broker, text="볶은 커피 원두")
    assert "the table does not have it" in asked(broker, text="휴대용 노트북 컴퓨터")


def test_answers_to_questions_are_asked_with_the_text(broker: httpx.Client) -> None:
    """A vague text brings questions; with the answers it brings a code."""
    vague = asked(broker, text="???")
    assert 'name="reply"' in vague
    clear = asked(broker, text="???", question=["Which?", ""], answer=["냉동 새우살", "식용"])
    assert "0306.17-1090" in clear
    page = broker.get("/codes", params={"text": "???", "asked": "Which?", "reply": "냉동 새우살"}).text
    assert "0306.17-1090" in page
    assert 'name="answer" value="냉동 새우살"' in page


def test_a_photo_that_cannot_be_read_is_said_beside_the_form(broker: httpx.Client) -> None:
    answer = broker.post("/codes/suggestions", files={"photo": ("p.png", b"no picture")})
    assert answer.status_code == 200
    assert 'class="alert"' in answer.text
    assert "<code>photo</code>" in answer.text


def test_without_a_model_or_a_table_the_pages_say_so(
    service: Service, people: dict[Role, Account], address: str
) -> None:
    headers = {"Cookie": f"{COOKIE}={service.sessions.issue(people[Role.BROKER])}"}
    with httpx.Client(base_url=address, headers={**headers, "Accept": "text/html"}) as client:
        assert "No model for codes is loaded." in client.get("/codes?text=shrimp&lang=en").text
        assert "No table of codes is imported." in client.get("/codes/browse?lang=en").text
        assert client.get("/codes/0306171090").status_code == 503


def test_the_table_is_browsed_and_searched_in_both_languages(broker: httpx.Client) -> None:
    top = broker.get("/codes/browse").text
    assert "/codes/browse?under=03" in top
    under = broker.get("/codes/browse", params={"under": "0306"}).text
    assert under.count('class="card shelf"') == 3
    for query in ("새우살", "peeled shrimps", "030617"):
        assert 'href="/codes/0306171090"' in broker.get("/codes/browse", params={"query": query}).text, query
    assert "Nothing found." in broker.get("/codes/browse", params={"query": "zzzz"}).text
    page = broker.get("/codes/0306171090").text
    assert "frozen shrimp peeled" in page
    assert broker.get("/codes/9999999999").status_code == 404


def test_a_code_names_its_predecessors_and_an_old_code_its_successors(
    broker: httpx.Client, hs: Service
) -> None:
    """Both ways, where a concordance was imported."""
    assert "0306.17-9000" not in broker.get("/codes/0306179091").text
    data = "개정전(HSK 2017),개정후(HSK 2022)\n0306179000,0306179091\nex 0306179000,0306179099\n".encode()
    store(hs.accounts.engine, "concordance", concordance.read(data), file="c.csv", data=data)
    page = broker.get("/codes/0306179091").text
    assert "Earlier codes that became this one" in page
    assert "0306.17-9000" in page
    old = broker.get("/codes/0306179000").text
    assert "Not in the table" in old
    assert 'href="/codes/0306179091"' in old


def test_a_dossier_that_lacks_a_reason_comes_back_with_all_that_was_typed(broker: httpx.Client) -> None:
    parts = [("text", "냉동 새우살"), ("question", "Use?"), ("answer", "식용"), ("chosen", "0306171090")]
    parts += [("rejected", "0303670000"), ("reason-0303670000", "no <fish>")]
    answer = broker.post("/codes/dossiers", files=[(name, (None, text)) for name, text in parts])
    assert answer.status_code == 422
    for kept in ("The dossier was not written.", "냉동 새우살</textarea>", 'value="식용"', "no &lt;fish&gt;"):
        assert kept in answer.text, kept
    parts.append(("reason-0306171090", "peeled"))
    made = broker.post("/codes/dossiers", files=[(name, (None, text)) for name, text in parts])
    assert made.status_code == 303
    page = broker.get(made.headers["location"]).text
    assert "The audit log holds this digest" in page
    assert "no &lt;fish&gt;" in page


def test_nothing_is_written_for_another_site(broker: httpx.Client, hs: Service) -> None:
    cross = {"Sec-Fetch-Site": "cross-site"}
    for path in ("/codes/suggestions", "/codes/dossiers", "/codes/many"):
        assert broker.post(path, files={"text": (None, "x")}, headers=cross).status_code == 403
    assert hs.images.names() == []


def test_the_page_of_a_list_shows_its_first_rows_then_its_answers(broker: httpx.Client, hs: Service) -> None:
    made = broker.post("/codes/many", files={"file": ("a.csv", "no,품명\n1,냉동 새우살\n2,<b>\n".encode())})
    where = made.headers["location"]
    draft = broker.get(where).text
    assert "<option selected>품명</option>" in draft
    assert "&lt;b&gt;" in draft
    started = broker.post(f"{where}/start", files={"text_column": (None, "품명")})
    assert started.status_code == 303
    assert 'data-state="waiting"' in broker.get(where).text
    assert ListRunner(hs.broking.lists).run_one()
    done = broker.get(where).text
    assert 'data-state="done"' in done
    assert "0306.17-1090" in done
    assert broker.post(f"{where}/pause").status_code == 409
    assert broker.get(f"{where}/codes.csv").headers["content-type"].startswith("text/csv")
    refused = broker.post("/codes/many", files={"file": ("a.csv", b"")})
    assert refused.status_code == 422


@pytest.mark.browser
@pytest.mark.parametrize(
    ("language", "theme", "words"),
    [("ko", "light", ("선택", "품목분류 기록서")), ("en", "dark", ("Choose", "Classification dossier"))],
)
def test_a_broker_gets_a_code_and_writes_a_dossier_by_the_keys_alone(
    hs: Service,
    open_as: Opening,
    axe: Callable[[Any], None],
    language: str,
    theme: str,
    words: tuple[str, str],
) -> None:
    """Type, go down, choose with a reason, reject with one, write; axe looks at every state."""
    page = open_as(Role.BROKER, "/codes", language=language, color_scheme=theme)
    axe(page)
    page.keyboard.type("냉동 새우살")
    page.wait_for_selector(".likely > li[data-code='0306171090']")
    assert "0306.17-1090" in page.text_content("#said")
    axe(page)
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    page.keyboard.type("peeled")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("r")
    page.keyboard.type("not this")
    page.keyboard.press("Enter")
    assert page.is_checked("[name=chosen][value='0306171090']")
    axe(page)
    page.keyboard.press("w")
    page.wait_for_url("**/codes/dossiers/*")
    assert words[1] in page.text_content("h1")
    axe(page)
    page.goto(page.url.split("/codes")[0] + "/codes?text=%EB%83%89%EB%8F%99")
    page.wait_for_selector("html[data-ready]")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "text"


@pytest.mark.browser
def test_questions_photo_and_table_work_in_a_browser(
    hs: Service, open_as: Opening, axe: Callable[[Any], None], make: SimpleNamespace, tmp_path: Path
) -> None:
    """Answers become facts that can be taken out again; a photo is shown; arrows move in the table."""
    page = open_as(Role.BROKER, "/codes")
    page.fill("#text", "???")
    page.wait_for_selector("[name=reply]")
    axe(page)
    page.fill("[name=reply] >> nth=0", "냉동 새우살")
    page.keyboard.press("Enter")
    page.wait_for_selector(".likely > li[data-code='0306171090']")
    assert page.locator(".fact strong").all_text_contents() == ["냉동 새우살"]
    page.click("[data-remove]")
    page.wait_for_selector("[name=reply]")
    (tmp_path / "p.png").write_bytes(make.photo())
    page.set_input_files("#photo", str(tmp_path / "p.png"))
    page.wait_for_selector("#preview:visible")
    page.goto(page.url.split("/codes")[0] + "/codes/browse?under=0306")
    page.wait_for_selector("html[data-ready]")
    axe(page)
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**under=030617")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/codes/0306179091")
    axe(page)
    page.goto(page.url.split("/codes")[0] + "/codes/browse")
    page.fill("#query", "새우살")
    page.wait_for_selector(".hits a[href='/codes/0306171090']")
    axe(page)


@pytest.mark.browser
def test_a_list_is_followed_to_its_end_in_a_browser(
    hs: Service, open_as: Opening, axe: Callable[[Any], None], tmp_path: Path
) -> None:
    page = open_as(Role.BROKER, "/codes/many")
    axe(page)
    (tmp_path / "goods.csv").write_text("품명\n냉동 새우살\n볶은 커피 원두\n", encoding="cp949")
    page.set_input_files("#file", str(tmp_path / "goods.csv"))
    page.click("main form button")
    page.wait_for_selector("#text_column")
    axe(page)
    page.click("form[action$='/start'] button")
    page.wait_for_selector("#list[data-state=waiting]")
    runner = ListRunner(hs.broking.lists)
    runner.start()
    page.wait_for_selector("#list[data-state=done]")
    runner.stop()
    assert "0306.17-1090" in page.text_content(".answers")
    axe(page)
