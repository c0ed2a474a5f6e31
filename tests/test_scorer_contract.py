"""One contract for the three modules: what the platform may rely on without knowing which module it is."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from customs import Case, DamagedArtefact, Declaration, Evidence, HsCode, Scorer, open_artefact
from customs.picture import read_photo
from customs.sentences import LANGUAGES, catalogue, render
from customs.world import World
from portcullis.models import SCORERS
from portcullis.modules import Module
from xray_encoder.reading import read_scan

KINDS = tuple(SCORERS)


def scorer_class(kind: str) -> Any:
    module = Module(kind)
    return getattr(module.room("scorer"), SCORERS[module])


@pytest.fixture(scope="session")
def cases(tiny_world: Path) -> list[Case]:
    """Eight consignments under review with scans, and eight that came without."""
    found: dict[bool, list[Case]] = {True: [], False: []}
    for declaration, scan_path, photo_path in World.open(tiny_world).cases("review"):
        scan = None if scan_path is None else read_scan(scan_path.read_bytes(), name=scan_path.name)
        photos = () if photo_path is None else (read_photo(photo_path.read_bytes(), photo_path.name),)
        found[scan is not None] += Case.of(declaration, scan=scan, photos=photos)
    return found[True][:8] + found[False][:8]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def scorer(kind: str, quick_models: Path) -> Scorer:
    loaded: Scorer = scorer_class(kind).load(quick_models / kind)
    return loaded


def plain(evidence: Sequence[Sequence[Evidence]]) -> list[list[dict[str, Any]]]:
    """Evidence as data, numbers to six digits: a batch may sum in another order than a single case."""

    def rounded(value: Any) -> Any:
        match value:
            case float():
                return float(f"{value:.6g}")
            case dict():
                return {k: rounded(v) for k, v in value.items()}
            case list() | tuple():
                return [rounded(v) for v in value]
        return value

    return [[rounded(e.model_dump()) for e in row] for row in evidence]


def test_it_fulfils_the_protocol(scorer: Scorer) -> None:
    assert isinstance(scorer, Scorer)
    assert scorer.checks
    assert len(set(scorer.checks)) == len(scorer.checks)


def test_every_case_gets_every_check_in_order(scorer: Scorer, cases: list[Case]) -> None:
    answers = scorer.score(cases)
    assert [[e.check for e in row] for row in answers] == [list(scorer.checks)] * len(cases)
    assert [row[0].subject for row in answers] == [case.subject for case in cases]
    assert [e for row in answers for e in row if not e.abstained], "no check spoke on any case"


def test_order_does_not_matter(scorer: Scorer, cases: list[Case]) -> None:
    assert plain(scorer.score(cases[::-1])) == plain(scorer.score(cases))[::-1]


def test_a_case_scores_the_same_alone_and_in_a_batch(scorer: Scorer, cases: list[Case]) -> None:
    together = plain(scorer.score(cases))
    assert [plain(scorer.score([case]))[0] for case in cases] == together


def test_no_cases_are_no_answers(scorer: Scorer) -> None:
    assert scorer.score([]) == []


def test_saving_and_loading_changes_nothing(
    kind: str, scorer: Scorer, cases: list[Case], tmp_path: Path
) -> None:
    scorer.save(tmp_path / "again")
    again = scorer_class(kind).load(tmp_path / "again")
    assert plain(again.score(cases)) == plain(scorer.score(cases))


def test_a_damaged_artefact_is_refused(kind: str, quick_models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(quick_models / kind, folder)
    victim = next(p for p in sorted(folder.iterdir()) if p.suffix == ".safetensors")
    data = bytearray(victim.read_bytes())
    data[-1] ^= 1
    victim.write_bytes(data)
    with pytest.raises(DamagedArtefact, match=victim.name.replace(".", r"\.")):
        scorer_class(kind).load(folder)


def test_another_modules_artefact_is_refused(kind: str, quick_models: Path) -> None:
    other = KINDS[(KINDS.index(kind) + 1) % len(KINDS)]
    with pytest.raises(DamagedArtefact, match=f"not a {kind} model"):
        scorer_class(kind).load(quick_models / other)


def test_the_manifest_says_what_was_trained_on_what(kind: str, quick_models: Path) -> None:
    manifest = open_artefact(quick_models / kind, kind=kind).manifest
    assert manifest["config"]
    assert len(manifest["data_fingerprint"]) == 64
    assert manifest["figures"]


def test_with_nothing_to_go_on_every_check_abstains_and_says_why(scorer: Scorer) -> None:
    (answers,) = scorer.score([Case("nothing")])
    assert all(e.abstained for e in answers)
    for evidence in answers:
        assert all(len(render(evidence.message, language)) > 10 for language in LANGUAGES)


def test_evidence_is_calibrated_explained_and_says_who_it_was_compared_with(
    scorer: Scorer, cases: list[Case]
) -> None:
    for row in scorer.score(cases):
        for evidence in row:
            for message in (evidence.message, *evidence.details):
                assert message.id in catalogue()
                assert all(render(message, language) for language in LANGUAGES)
            if evidence.abstained:
                assert [*evidence.details, *evidence.contributions, *evidence.alternatives] == []
            else:
                assert evidence.reference is not None
                assert evidence.p_value is not None
                assert evidence.p_value >= 1 / (evidence.reference.size + 1)
                assert sum(a.probability for a in evidence.alternatives) <= 1 + 1e-6


@pytest.mark.parametrize("code", ["4011", "0207", "030367", "8703809000"])
def test_a_case_is_answered_as_if_another_code_had_been_declared(
    scorer: Scorer, cases: list[Case], code: str
) -> None:
    """However short; what is seen again speaks of the same case, and the case itself is left alone."""
    first = cases[0]
    before = first.declared
    (again,) = scorer.score([first.redeclared(HsCode(code))])
    assert [e.check for e in again] == list(scorer.checks)
    assert {e.subject for e in again} == {first.subject}
    assert first.declared == before


def test_odd_declarations_are_answered_and_not_thrown_back(scorer: Scorer, cases: list[Case]) -> None:
    """A code nobody has seen, no weight, no value, another currency: abstain or judge, never fail."""
    raw = {
        "id": "ODD",
        "date": "2099-12-31",
        "origin": "AQ",
        "importer": "?",
        "lines": [
            {"hsk": "9999999999", "name": "🐟", "net_kg": 0, "value": "0 USD"},
            {"hsk": "0303670000", "name": "x" * 500, "net_kg": 1e12, "value": "1e15 KRW"},
            {"hsk": "0303670000", "name": "\u202e<b>명태</b>", "net_kg": 1e-9, "value": "0.01 EUR"},
        ],
    }
    odd = Case.of(Declaration.from_dict(raw), scan=next(c.scan for c in cases if c.scan is not None))
    assert [len(row) for row in scorer.score(odd)] == [len(scorer.checks)] * 3
