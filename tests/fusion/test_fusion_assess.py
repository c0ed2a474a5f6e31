"""Reports under a trained fusion: counted on clean cases, with a chance, and never with a finding less."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from customs import Evidence, HsCode, Message, Reference
from fusion import Policy, RiskReport, assess, merge, worst
from fusion.head.attributes import Attributes, attributes
from fusion.joint import Joint
from fusion.model import Fusion, FusionConfig

FISH = HsCode("0303670000")


def evidence(check: str, surprise: float) -> Evidence:
    return Evidence(
        check=check,
        subject="D1/1",
        p_value=max(10.0**-surprise, 1 / 201),
        surprise=surprise,
        observed=1.0,
        expected=(2.0, 3.0),
        reference=Reference(group="0303", size=200),
        message=Message(id="band.unknown"),
    )


ODD = (evidence("price.unit_value", 3.2), evidence("freight.per_kg", 0.4), evidence("hs.text", 0.2))


@pytest.fixture(scope="module")
def calibrated(joint: Joint) -> Fusion:
    return Fusion(FusionConfig(), joint, version="fusion@test")


@pytest.fixture(scope="module")
def row(make: SimpleNamespace) -> Attributes:
    """The attributes of one line."""
    return attributes(make.table(make.csv(20, 3)).head(1))


def report(*items: Evidence, policy: Policy, **more: object) -> RiskReport:
    return assess(items, subject="D1/1", declared=FISH, policy=policy, **more)  # type: ignore[arg-type]


def test_risk_and_p_value_are_counted_on_clean_cases_sent_with_as_much(
    calibrated: Fusion, joint: Joint, policy: Policy
) -> None:
    found = report(*ODD, policy=policy, fusion=calibrated)
    p, surprise, reference = joint.one({e.check: e.surprise or 0.0 for e in ODD})
    assert (found.p_value, found.surprise, found.reference) == (p, surprise, reference)
    assert found.risk == pytest.approx(1 - 10.0**-surprise)
    assert found.band == policy.band(surprise)
    assert found.reference is not None
    assert found.reference.group == "price.unit_value,freight.per_kg,hs.text"
    assert found.p_value is not None
    assert found.p_value >= 1 / (found.reference.size + 1)
    assert found.headline.params == {"one_in": round(1 / p, 1)}
    assert "fusion@test" in found.versions["fusion"]
    assert policy.version in found.versions["fusion"]


def test_without_a_trained_fusion_the_combination_is_taken_at_its_word(policy: Policy) -> None:
    found = report(*ODD, policy=policy)
    assert (found.reference, found.chance, found.goods) == (None, None, None)
    assert found.versions["fusion"] == policy.version


def test_checks_that_no_clean_case_has_leave_the_combination_at_its_word(
    calibrated: Fusion, policy: Policy
) -> None:
    """All of them; one that is known beside them is counted."""
    strange = evidence("volume.surge", 2.0)
    assert report(strange, policy=policy, fusion=calibrated).reference is None
    assert report(strange, ODD[0], policy=policy, fusion=calibrated).reference is not None


def test_a_finding_rests_on_what_clean_cases_leave_of_a_surprise(
    make: SimpleNamespace, policy: Policy
) -> None:
    """A check that boasts on joint clean cases loses its finding; the evidence itself is kept as it was."""
    surprise = make.surprises(800, 1)
    surprise[:, 2] *= 2
    boasting = Fusion(FusionConfig(), Joint.fit(make.cases(surprise), policy))
    text = evidence("hs.text", 2.4)
    assert [f.kind for f in report(text, policy=policy).findings] == ["hs.text"]
    found = report(text, policy=policy, fusion=boasting)
    assert found.findings == ()
    assert found.evidence == (text,)


def test_with_silent_checks_only_nothing_is_claimed(learned: Fusion, row: Attributes, policy: Policy) -> None:
    silent = Evidence.abstain("hs.text", "D1/1", "band.unknown")
    found = report(silent, policy=policy, fusion=learned, attributes=row)
    assert (found.band, found.reference, found.chance) == ("unknown", None, None)


def test_a_head_adds_a_chance_and_takes_no_finding_away(
    learned: Fusion, row: Attributes, policy: Policy
) -> None:
    """Everything else of the report is as it would be without it."""
    bare = report(*ODD, policy=policy, fusion=dataclasses.replace(learned, head=None), attributes=row)
    found = report(*ODD, policy=policy, fusion=learned, attributes=row)
    assert found.chance is not None
    assert 0 < found.chance < 1
    assert found.chance == learned.chance(row, {e.check: e.surprise or 0.0 for e in ODD})
    assert found.model_copy(update={"chance": None}) == bare
    assert [f.kind for f in found.findings] == ["mismatch.hsk_price"]
    assert report(*ODD, policy=policy, fusion=learned).chance is None


def test_a_head_of_plain_declarations_gives_a_chance_and_leaves_the_risk_alone(
    head_folder: Path, row: Attributes, policy: Policy
) -> None:
    from fusion.keeping import load

    found = report(*ODD, policy=policy, fusion=load(head_folder), attributes=row)
    assert found.chance is not None
    assert found.surprise == report(*ODD, policy=policy).surprise


def test_of_several_lines_the_chance_is_that_any_of_them_is_one(
    learned: Fusion, row: Attributes, policy: Policy
) -> None:
    """As if they were independent; a line without a chance counts for none."""
    one = report(*ODD, policy=policy, fusion=learned, attributes=row)
    other = report(ODD[2], policy=policy, fusion=learned, attributes=row)
    unknown = report(Evidence.abstain("hs.text", "D1/3", "band.unknown"), policy=policy, fusion=learned)
    assert one.chance is not None
    assert other.chance is not None
    whole = merge([one, other, unknown], subject="D1", policy=policy)
    assert whole.chance == pytest.approx(1 - (1 - one.chance) * (1 - other.chance))
    assert merge([unknown, unknown], subject="D1", policy=policy).chance is None


def test_a_queue_is_ordered_by_chance_where_all_have_one() -> None:
    """And by surprise where any has none; those nobody could judge are last either way."""

    def made(subject: str, surprise: float | None, chance: float | None) -> RiskReport:
        p = None if surprise is None else 10.0**-surprise
        return RiskReport(
            subject=subject,
            risk=None if p is None else 1 - p,
            surprise=surprise,
            p_value=p,
            band="unknown" if p is None else "watch",
            headline=Message(id="band.unknown"),
            chance=chance,
        )

    learned = [made("a", 3.0, 0.1), made("b", 1.0, 0.6), made("n", None, None), made("c", 2.0, 0.1)]
    assert [r.subject for r in worst(learned)] == ["b", "a", "c", "n"]
    mixed = [*learned, made("d", 2.5, None)]
    assert [r.subject for r in worst(mixed)] == ["a", "d", "c", "b", "n"]


def test_reports_stored_before_there_was_a_fusion_still_load(
    learned: Fusion, row: Attributes, policy: Policy
) -> None:
    """Without the fields that it brought; stored reports are never rewritten."""
    found = report(
        *ODD, policy=policy, fusion=learned, attributes=row, instead={HsCode("4011100000"): [ODD[1], ODD[2]]}
    )
    assert found.goods is not None
    body = found.model_dump(mode="json")
    assert RiskReport.model_validate(body) == found
    for name in ("reference", "chance", "goods"):
        del body[name]
    again = RiskReport.model_validate(body)
    assert (again.reference, again.chance, again.goods) == (None, None, None)
    assert again.findings == found.findings


def test_the_same_evidence_is_as_odd_in_a_report_as_in_a_table(
    calibrated: Fusion, joint: Joint, make: SimpleNamespace, policy: Policy
) -> None:
    """One case at a time and all at once."""
    surprise = make.surprises(40, 77)
    p, total, _ = joint.score(surprise)
    for i in range(0, 40, 4):
        said = [
            evidence(check, float(s))
            for check, s in zip(make.checks, surprise[i], strict=True)
            if np.isfinite(s)
        ]
        found = report(*said, policy=policy, fusion=calibrated)
        assert found.surprise == pytest.approx(total[i], rel=1e-12)
        assert found.p_value == p[i]
