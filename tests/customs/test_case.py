"""One line under review, and the same line as if another code had been declared."""

from __future__ import annotations

import dataclasses

import numpy as np

from customs import Case, Declaration, HsCode
from customs.case import Photo

TYRE = HsCode("401110")
RAW = {
    "id": "D1",
    "date": "2025-04-30",
    "origin": "VN",
    "importer": "한빛수산",
    "lines": [
        {"hsk": "0306171090", "name": "SHRIMP", "net_kg": 100, "value": "900 USD", "duty_rate": 20.0},
        {"hsk": "0303670000", "name": "POLLOCK", "net_kg": 200, "value": "400 USD"},
    ],
}


def test_another_code_changes_the_line_and_its_place_in_the_declaration_and_nothing_else() -> None:
    """Also to a shorter code; the case itself stays as it was."""
    photo = Photo(np.zeros((2, 2, 3), dtype=np.uint8))
    declaration = Declaration.from_dict(RAW)
    first, second = Case.of(declaration, photos=(photo,))
    other = second.redeclared(TYRE)
    assert other.declared == TYRE
    assert other.line is not None
    assert second.line is not None
    assert other.line.model_copy(update={"hsk": second.line.hsk}) == second.line
    assert other.declaration is not None
    assert other.declaration.lines == (first.line, other.line)
    assert other.declaration.model_copy(update={"lines": declaration.lines}) == declaration
    assert (other.subject, other.photos, other.scan) == (second.subject, second.photos, second.scan)
    assert second.declared == HsCode("0303670000")
    assert second.declaration == declaration


def test_of_two_lines_alike_only_the_one_under_review_changes() -> None:
    twins = {**RAW, "lines": [RAW["lines"][0]] * 2}
    _, second = Case.of(Declaration.from_dict(twins))
    other = second.redeclared(TYRE)
    assert other.declaration is not None
    assert [line.hsk for line in other.declaration.lines] == [HsCode("0306171090"), TYRE]


def test_a_bare_code_or_line_is_redeclared_too() -> None:
    """As a scan that is looked at by itself."""
    bare = Case("scan", hs=HsCode("0306"))
    assert bare.redeclared(TYRE).declared == TYRE
    assert bare.declared == HsCode("0306")
    (first, _) = Case.of(Declaration.from_dict(RAW))
    alone = dataclasses.replace(first, declaration=None).redeclared(TYRE)
    assert alone.declared == TYRE
    assert alone.declaration is None
