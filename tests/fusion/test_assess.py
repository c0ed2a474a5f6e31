"""From evidence to a report."""

import math

import numpy as np
import pytest

from customs import Alternative, Evidence, HsCode, Message, Reference
from customs.combine import combine_surprise
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


def other_codes(surprise: float, *codes: tuple[str | None, float], named: bool = True) -> Evidence:
    """The price held against other codes; it names one where that one fits clearly better."""
    params = {"other": str(HsCode(codes[0][0] or "")), "other_price": 2.0} if named else {}
    found = evidence("price.for_this_code", surprise, observed=1.0, alternatives=looks_like(*codes))
    return found.model_copy(update={"message": Message(id="band.unknown", params=params)})


def test_one_price_that_two_checks_find_odd_is_one_finding_that_names_the_codes_it_fits() -> None:
    """Codes of the same heading count: a price tells grades apart that a scan does not."""
    report = fuse(
        evidence("price.unit_value", 2.5, observed=1.0, expected=(2.0, 3.0)),
        other_codes(4.0, ("0207141020", 0.6), ("0203291000", 0.3), ("0202300000", 0.01)),
    )
    assert kinds(report) == ["mismatch.hsk_price"]
    (finding,) = report.findings
    assert finding.evidence == ("price.unit_value", "price.for_this_code")
    assert finding.severity == "alarm"
    assert [str(a.hs) for a in finding.alternatives] == ["0207.14-1020", "0203.29-1000"]
    assert all("0207.14-1020" in render(finding.sentence, language) for language in LANGUAGES)


def test_codes_that_text_or_scan_point_to_come_before_those_that_only_the_price_fits() -> None:
    """And a code that both name is named once."""
    report = fuse(
        evidence("price.unit_value", 2.5, observed=1.0, expected=(2.0, 3.0)),
        other_codes(2.5, ("0203291000", 0.5), ("0303670000", 0.4)),
        evidence("hs.text", 2.6, alternatives=looks_like(("0303670000", 0.3))),
    )
    price = next(f for f in report.findings if f.kind == "mismatch.hsk_price")
    assert [a.hs for a in price.alternatives] == [HsCode("0303670000"), HsCode("0203291000")]


def test_an_odd_price_names_no_other_code_where_the_comparison_with_codes_is_not_odd() -> None:
    report = fuse(
        evidence("price.unit_value", 2.5, observed=1.0, expected=(2.0, 3.0)),
        other_codes(0.5, ("0203291000", 0.5)),
    )
    assert report.findings[0].evidence == ("price.unit_value",)
    assert report.findings[0].alternatives == ()
    assert "other" not in report.findings[0].sentence.params


def test_a_usual_price_that_fits_another_code_clearly_better_is_a_finding_of_its_own() -> None:
    """Unless no code fits clearly better: then there is nothing to look for."""
    usual = evidence("price.unit_value", 0.4, observed=2.5, expected=(2.0, 3.0))
    assert kinds(fuse(usual, other_codes(2.5, ("0203291000", 0.5)))) == ["price.for_this_code"]
    assert kinds(fuse(usual, other_codes(2.5, ("0203291000", 0.5), named=False))) == []


def test_what_a_price_fits_is_not_taken_for_what_the_goods_are() -> None:
    """Many goods cost the same: the report's likely codes come from text and scan alone."""
    seen = evidence("xray.packing", 0.2, alternatives=looks_like(("0207", 0.7), ("0203", 0.3)))
    alone = fuse(seen)
    assert fuse(seen, other_codes(0.4, ("0303670000", 0.9))).alternatives == alone.alternatives
    assert [a.hs for a in alone.alternatives] == [HsCode("0203")]


@pytest.mark.parametrize(
    ("per_kg", "vs_oil", "expected", "severity"),
    [
        (2.5, 3.5, ["freight.per_kg"], "alarm"),
        (2.5, 0.3, ["freight.per_kg"], "warning"),
        (0.3, 2.5, ["freight.vs_oil"], "note"),  # usual for its route: not confirmed
        (None, 2.5, ["freight.vs_oil"], "warning"),
        (0.3, 0.3, [], None),
    ],
)
def test_one_freight_is_one_finding_as_severe_as_the_oddest_check_says(
    per_kg: float | None, vs_oil: float, expected: list[str], severity: str | None
) -> None:
    silent = Evidence.abstain("freight.per_kg", "D1/1", "band.unknown")
    by_route = silent if per_kg is None else evidence("freight.per_kg", per_kg)
    report = fuse(by_route, evidence("freight.vs_oil", vs_oil))
    assert kinds(report) == expected
    assert [f.severity for f in report.findings] == ([severity] if severity else [])


def test_a_large_volume_is_never_more_than_a_note_and_moves_the_risk_little() -> None:
    """However surprising; it stands below what is an offence."""
    price = evidence("price.unit_value", 2.5, observed=1.0, expected=(2.0, 3.0))
    report = fuse(evidence("volume.surge", 9.0), price)
    assert [(f.kind, f.severity) for f in report.findings] == [
        ("mismatch.hsk_price", "warning"),
        ("volume.surge", "note"),
    ]
    usual = [evidence(check, 0.3) for check in ("freight.per_kg", "hs.text", "price.unit_value")]
    assert fuse(*usual, evidence("volume.surge", 2.5)).band == "clear"


def test_seeing_one_fact_twice_neither_doubles_an_alarm_nor_dilutes_it() -> None:
    """Beside its principal an echo moves the surprise by less than a twentieth either way."""
    price = evidence("price.unit_value", 3.0, observed=1.0, expected=(2.0, 3.0))
    rest = [evidence(check, 0.3) for check in ("freight.per_kg", "hs.text")]
    alone = fuse(price, *rest).surprise
    assert alone is not None
    for echo in (0.0, 0.3, 3.0):
        beside = fuse(price, other_codes(echo, ("0203291000", 0.5)), *rest, evidence("freight.vs_oil", 0.3))
        assert beside.surprise == pytest.approx(alone, rel=0.05)


def test_one_price_in_a_thousand_is_high_risk_however_many_other_checks_see_nothing() -> None:
    """All ten checks spoke, four of them on a scan; the others are as usual as half of all clean lines."""
    usual = ("price.for_this_code", "freight.per_kg", "freight.vs_oil", "volume.surge", "hs.text")
    usual += ("xray.packing", "xray.density", "xray.mass", "xray.inserted_object")
    price = evidence("price.unit_value", 3.0, observed=1.0, expected=(2.0, 3.0))
    assert fuse(price, *(evidence(check, 0.3) for check in usual)).band == "high"


def test_an_echo_stands_in_for_the_check_it_echoes_where_that_one_is_silent() -> None:
    rest = [evidence(check, 0.3) for check in ("price.unit_value", "hs.text")]
    silent = Evidence.abstain("freight.per_kg", "D1/1", "band.unknown")
    by_oil = fuse(evidence("freight.vs_oil", 3.0), silent, *rest)
    by_route = fuse(evidence("freight.per_kg", 3.0), *rest)
    assert by_oil.surprise == by_route.surprise


def test_clean_lines_are_as_rarely_odd_as_the_bands_say_with_checks_that_see_one_fact_twice() -> None:
    """20,000 clean lines: surprises of one fact go together, the others are independent."""
    rng = np.random.default_rng(4)
    checks = (
        "price.unit_value",
        "price.for_this_code",
        "freight.per_kg",
        "freight.vs_oil",
        "volume.surge",
        "hs.text",
    )
    normal = rng.normal(size=(6, 20_000))
    normal[1], normal[3] = 0.9 * normal[0] + 0.44 * normal[1], 0.9 * normal[2] + 0.44 * normal[3]
    surprise = -np.log10([[math.erfc(z / math.sqrt(2)) / 2 for z in row] for row in normal])
    fused = combine_surprise(surprise, POLICY.shares(checks), cap=POLICY.cap)
    for band, share in (("watch", 0.05), ("high", 0.01)):
        assert np.mean(fused >= POLICY.bands[band]) == pytest.approx(share, rel=0.25)


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
                    "volume.surge",
                    "hs.text",
                    "xray.density",
                    "xray.mass",
                    "xray.packing",
                )
            )
        )
        assert len(report.findings) == 7
        for language in LANGUAGES:
            for finding in report.findings:
                assert render(finding.sentence, language)
                assert render(finding.advice, language)
            assert render(report.headline, language)


@pytest.mark.parametrize("check", ["price.for_this_code", "freight.vs_oil"])
def test_an_echo_alone_is_explained_in_both_languages(check: str) -> None:
    """Its finding has an advice of its own."""
    named = other_codes(3.0, ("0203291000", 0.5)).message
    report = fuse(evidence(check, 3.0).model_copy(update={"message": named}))
    assert kinds(report) == [check]
    assert all(len(render(report.findings[0].advice, language)) > 10 for language in LANGUAGES)


def test_evidence_stored_before_details_and_contributions_were_known_still_loads() -> None:
    """Stored reports are never rewritten."""
    body = fuse(evidence("xray.packing", 3.0)).model_dump(mode="json")
    for stored in body["evidence"]:
        del stored["details"], stored["contributions"]
    again = RiskReport.model_validate(body)
    assert (again.evidence[0].details, again.evidence[0].contributions) == ((), ())
