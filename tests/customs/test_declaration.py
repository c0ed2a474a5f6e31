"""Declarations: what is read, and how what is wrong is said."""

import json
from pathlib import Path
from typing import Any

import pytest

from customs import Case, Declaration, InvalidDeclaration


def raw() -> dict[str, Any]:
    return {
        "id": "D000123",
        "date": "2025-03-14",
        "mode": "sea",
        "departure": "VN",
        "origin": "VN",
        "importer": "IMP-1",
        "container": "MSCU1234565",
        "lines": [
            {
                "hsk": "0303.67-0000",
                "name": "냉동 명태 FROZEN ALASKA POLLOCK",
                "net_kg": 24000,
                "gross_kg": 25200.5,
                "packages": 1200,
                "value": {"amount": "40800.00", "currency": "USD"},
                "freight": "2300 USD",
            }
        ],
    }


def test_a_declaration_reads_back_from_its_own_json() -> None:
    declaration = Declaration.from_dict(raw())
    assert Declaration.from_json(declaration.to_json()) == declaration
    assert str(declaration.lines[0].value.amount) == "40800.00"


def mutate(path: str, value: Any) -> dict[str, Any]:
    """A good declaration with one field changed, or removed when the value is ...."""
    changed = raw()
    here: Any = changed
    *parents, last = path.split(".")
    for part in parents:
        here = here[int(part)] if part.isdigit() else here[part]
    if value is ...:
        del here[last]
    else:
        here[last] = value
    return changed


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("lines.0.hsk", "030367000", "ten digits"),
        ("lines.0.hsk", "0303", "ten digits"),
        ("lines.0.hsk", 303670000, "in quotes"),
        ("lines.0.hsk", "7712340000", "chapters"),
        ("lines.0.net_kg", -24000, "zero or more"),
        ("lines.0.net_kg", "24000", "as a number"),
        ("lines.0.net_kg", float("inf"), "zero or more"),
        ("lines.0.value", 40800, "amount"),
        ("lines.0.value", "40800 ZZZ", "ISO 4217"),
        ("lines.0.value", {"amount": "-1", "currency": "USD"}, "zero or more"),
        ("lines.0.packages", -1, "got -1"),
        ("lines.0.name", "", "got ''"),
        ("lines", [], "at least one line"),
        ("origin", "Atlantis", "ISO 3166"),
        ("origin", ..., "add this field"),
        ("date", "2025-02-30", "2025-04-30"),
        ("colour", "red", "remove this field"),
        ("id", "../../etc", "declaration format"),
    ],
)
def test_each_wrong_field_is_named_with_its_remedy(field: str, value: Any, said: str) -> None:
    with pytest.raises(InvalidDeclaration) as caught:
        Declaration.from_dict(mutate(field, value))
    (problem,) = caught.value.problems
    assert problem.field == field
    assert problem.remedy is not None
    assert said in f"{problem.problem} {problem.remedy}"


def test_countries_of_transit_are_kept_in_order() -> None:
    """None were declared, none were passed and some were passed are three things."""
    assert Declaration.from_dict(raw()).transit is None
    some = Declaration.from_dict(raw() | {"transit": ["sg", "HK"]})
    assert [str(country) for country in some.transit or ()] == ["SG", "HK"]
    none = Declaration.from_dict(raw() | {"transit": []})
    assert none.transit == ()
    for kept in (some, none):
        assert Declaration.from_json(kept.to_json()) == kept
    assert "transit" not in json.loads(Declaration.from_dict(raw()).to_json())
    with pytest.raises(InvalidDeclaration) as caught:
        Declaration.from_dict(raw() | {"transit": ["SG", "Atlantis"]})
    assert [p.field for p in caught.value.problems] == ["transit.1"]
    with pytest.raises(InvalidDeclaration):
        Declaration.from_dict(raw() | {"transit": ["SG"] * 11})


def test_gross_below_net_is_refused_on_its_line() -> None:
    with pytest.raises(InvalidDeclaration) as caught:
        Declaration.from_dict(mutate("lines.0.gross_kg", 100.0))
    assert caught.value.problems[0].field == "lines.0"


def test_all_problems_are_told_at_once() -> None:
    bad = raw() | {"origin": "ZZ", "date": "yesterday"}
    bad["lines"][0]["net_kg"] = -1
    with pytest.raises(InvalidDeclaration) as caught:
        Declaration.from_dict(bad)
    assert [p.field for p in caught.value.problems] == ["date", "origin", "lines.0.net_kg"]


@pytest.mark.parametrize("text", ["", "not json", "[]", "3", "null", b"\xff\xfe{", '{"id": ', "[" * 100_000])
def test_what_is_no_declaration_is_one_problem(text: str | bytes) -> None:
    with pytest.raises(InvalidDeclaration) as caught:
        Declaration.from_json(text)
    (problem,) = caught.value.problems
    assert problem.field == "declaration"


def test_each_line_is_a_case_that_shares_the_scan() -> None:
    two = raw()
    two["lines"].append(json.loads(json.dumps(two["lines"][0])))
    declaration = Declaration.from_dict(two)
    cases = Case.of(declaration)
    assert [case.subject for case in cases] == ["D000123/1", "D000123/2"]
    assert cases[1].declared == declaration.lines[1].hsk
    assert float(declaration.gross_kg) == 2 * 25200.5


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[2] / "data" / "samples").glob("*.json")), ids=lambda p: p.name
)
def test_the_samples_are_declarations(path: Path) -> None:
    assert Declaration.from_json(path.read_bytes()).lines


@pytest.mark.parametrize("field", ["importer", "office", "seller"])
def test_a_nul_character_that_no_database_holds_is_refused(field: str) -> None:
    """In the declaration's own texts, and in those of a line."""
    papers = raw()
    papers[field] = "a\0b"
    papers["lines"][0]["name"] = "tiles\0"
    with pytest.raises(InvalidDeclaration) as caught:
        Declaration.from_dict(papers)
    assert {p.field for p in caught.value.problems} == {field, "lines.0.name"}


def test_more_packages_than_there_can_be_are_refused() -> None:
    """A number of four hundred digits fits no column."""
    papers = raw()
    papers["lines"][0]["packages"] = 10**400
    with pytest.raises(InvalidDeclaration, match="packages"):
        Declaration.from_dict(papers)
