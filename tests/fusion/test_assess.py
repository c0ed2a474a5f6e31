"""From evidence to a report."""

import pytest

from customs import Alternative, Evidence, HsCode, Message, Reference
from customs.sentences import LANGUAGES, render
from fusion import Policy, RiskReport, assess, merge, worst

POULTRY = HsCode("0207141010")
POLICY = Policy.default()


def evidence(check: str, surprise: float, **more: object) -> Evidence:
    return Evidence(
        check=check,
        subject="D1/1",
        p_value=max(10.0**-surprise, 1 / 201),
        surprise=surprise,
        reference=Reference(group="0207", size=200),
        message=Message(id="band.unknown"),
        **more,  # type: ignore[arg-type]
    )


def looks_like(*codes: tuple[str | None, float]) -> tuple[Alternative, ...]:
    return tuple(Alternative(hs=None if c is None else HsCode(c), probability=p) for c, p in codes)


def fuse(*items: Evidence, declared: HsCode | None = POULTRY) -> RiskReport:
    return assess(items, subject="D1/1", declared=declared, policy=POLICY, versions={"xray": "xray@1"})


def kinds(report: RiskReport) -> list[str]:
    return [finding.kind for finding in report.findings]


def test_without_evidence_the_band_is_unknown_and_not_clear() -> None:
    report = fuse(Evidence.abstain("xray.packing", "D1/1", "band.unknown"))
    assert (report.band, report.risk, report.p_value) == ("unknown", None, None)
    assert report.silent


def test_abstentions_change_nothing() -> None:
    alone = fuse(evidence("price.unit_value", 2.5, observed=1.0, expected=(2.0, 3.0)))
    beside = fuse(
        evidence("price.unit_value", 2.5, observed=1.0, expected=(2.0, 3.0)),
        Evidence.abstain("xray.mass", "D1/1", "band.unknown"),
    )
    assert alone.surprise == beside.surprise


def test_a_scan_of_other_goods_is_named_hsk_image_with_the_likely_goods() -> None:
    report = fuse(evidence("xray.packing", 3.0, alternatives=looks_like(("0207", 0.02), ("4011", 0.9))))
    assert kinds(report) == ["mismatch.hsk_image"]
    assert report.findings[0].sentence.params["likely"] == "4011"
    assert report.alternatives[0].hs == HsCode("4011")


def test_an_odd_scan_that_still_looks_like_the_declared_goods_is_no_code_mismatch() -> None:
    report = fuse(evidence("xray.packing", 3.0, alternatives=looks_like(("0207", 1.0))))
    assert kinds(report) == ["xray.packing"]


def test_an_empty_container_is_said_to_look_empty() -> None:
    report = fuse(evidence("xray.packing", 3.0, alternatives=looks_like((None, 0.8))))
    assert "empty" in render(report.findings[0].sentence, "en")


@pytest.mark.parametrize(("observed", "kind"), [(1.0, "low"), (9.0, "high")])
def test_a_price_outside_its_range_is_named_hsk_price(observed: float, kind: str) -> None:
    report = fuse(evidence("price.unit_value", 2.5, observed=observed, expected=(2.0, 3.0), unit="USD/kg"))
    assert kinds(report) == ["mismatch.hsk_price"]
    assert report.findings[0].sentence.id.endswith(kind)


def test_a_low_price_names_the_code_that_the_text_points_to() -> None:
    report = fuse(
        evidence("price.unit_value", 2.5, observed=1.0, expected=(2.0, 3.0)),
        evidence("hs.text", 2.6, alternatives=looks_like(("0303670000", 0.8))),
    )
    price = next(f for f in report.findings if f.kind == "mismatch.hsk_price")
    assert price.alternatives[0].hs == HsCode("0303670000")


@pytest.mark.parametrize(("observed", "kind"), [(9_000.0, "under"), (30_000.0, "over")])
def test_a_weight_that_the_scan_contradicts_is_named_image_mass(observed: float, kind: str) -> None:
    report = fuse(evidence("xray.mass", 2.5, observed=observed, expected=(20_000.0, 24_000.0), unit="kg"))
    assert kinds(report) == ["mismatch.image_mass"]
    assert report.findings[0].sentence.id.endswith(kind)


def test_unremarkable_evidence_gives_no_finding_and_a_clear_band() -> None:
    report = fuse(
        evidence("xray.packing", 0.2, alternatives=looks_like(("0207", 0.9), ("4011", 0.1))),
        evidence("price.unit_value", 0.4, observed=2.5, expected=(2.0, 3.0)),
    )
    assert (report.band, report.findings) == ("clear", ())


def test_more_surprise_is_more_risk_without_ties() -> None:
    reports = [
        fuse(evidence("xray.packing", s), evidence("hs.text", 0.3)) for s in (0.1, 1.0, 2.0, 4.0, 20.0, 400.0)
    ]
    surprises = [r.surprise for r in reports]
    assert surprises == sorted(surprises)  # type: ignore[type-var]
    assert len(set(surprises)) == len(surprises)
    assert [r.surprise for r in worst(reports)] == surprises[::-1]


def test_the_p_value_never_claims_more_than_the_reference_group_can_show() -> None:
    report = fuse(evidence("xray.packing", 30.0))
    assert report.p_value == pytest.approx(1 / 201)


def test_lines_merge_into_one_report_that_keeps_each() -> None:
    odd = fuse(evidence("xray.packing", 4.0, alternatives=looks_like(("4011", 0.9))))
    plain = fuse(evidence("price.unit_value", 0.2, observed=2.5, expected=(2.0, 3.0)))
    whole = merge([plain, odd], subject="D1", policy=POLICY)
    assert whole.lines == (plain, odd)
    assert kinds(whole) == ["mismatch.hsk_image"]
    assert plain.surprise < whole.surprise < odd.surprise  # type: ignore[operator]


def test_a_single_line_takes_the_declarations_name() -> None:
    plain = fuse(evidence("price.unit_value", 0.2, observed=2.5, expected=(2.0, 3.0)))
    assert merge([plain], subject="D1", policy=POLICY).subject == "D1"


def test_a_report_survives_json() -> None:
    report = fuse(evidence("xray.packing", 3.0, alternatives=looks_like(("4011", 0.9))))
    assert RiskReport.model_validate_json(report.model_dump_json()) == report


def test_every_finding_has_a_sentence_and_an_advice_in_both_languages() -> None:
    for observed in (0.0, 9e9):
        report = fuse(
            *(
                evidence(check, 3.0, observed=observed, expected=(2.0, 3.0))
                for check in (
                    "price.unit_value",
                    "freight.per_kg",
                    "hs.text",
                    "xray.density",
                    "xray.mass",
                    "xray.packing",
                )
            )
        )
        assert len(report.findings) == 6
        for language in LANGUAGES:
            for finding in report.findings:
                assert render(finding.sentence, language)
                assert render(finding.advice, language)
            assert render(report.headline, language)
