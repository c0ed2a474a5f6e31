"""A stored assessment as it leaves the platform: the report with every sentence written out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from customs.evidence import Evidence, Message
from customs.sentences import Language, catalogue, render
from fusion import Finding, RiskReport
from portcullis.store.assessments import Assessment
from portcullis.store.scans import StoredScan


def report_document(report: RiskReport, language: Language) -> dict[str, Any]:
    """The report as JSON values; each message keeps its id and values and gains `sentence`."""
    body = report.model_dump(mode="json")
    body["headline"]["sentence"] = render(report.headline, language)
    _write_out(body["evidence"], report.evidence, ("message",), language)
    for written, evidence in zip(body["evidence"], report.evidence, strict=True):
        for detail, message in zip(written["details"], evidence.details, strict=True):
            detail["sentence"] = render(message, language)
    _write_out(body["findings"], report.findings, ("sentence", "advice"), language)
    if report.goods is not None:
        for written, stance in zip(body["goods"]["stances"], report.goods.stances, strict=True):
            written["sentence"]["sentence"] = render(stance.sentence, language)
    body["lines"] = [report_document(line, language) for line in report.lines]
    return body


def assessment_document(found: Assessment, language: Language) -> dict[str, Any]:
    """The answer of `/v1/assessments/{id}`."""
    here = f"/v1/assessments/{found.id}"
    return {
        "id": found.id,
        "created_at": found.created_at.isoformat(),
        "account": found.account,
        "language": language,
        "declaration": found.declaration.model_dump(mode="json", exclude_none=True),
        "report": report_document(found.report, language),
        "scan": None if found.scan is None else _scan(found.scan, f"{here}/scan"),
        "heatmap": _image(found.heatmap, f"{here}/heatmap"),
        "photo": _image(found.photo, f"{here}/photo"),
    }


def check_label(check: str, language: Language) -> str:
    """The name of a check in words; its id where it has none."""
    name = f"check.{check}"
    return render(Message(id=name), language) if name in catalogue() else check


def driver_label(driver: str, language: Language) -> str:
    """What moved an expectation, in words; its id where it has none."""
    name = f"driver.{driver}"
    return render(Message(id=name), language) if name in catalogue() else driver


def unit_label(unit: str, language: Language) -> str:
    """A unit as people write it; the unit itself where it is a symbol.

    >>> unit_label("packages", "ko"), unit_label("kg", "ko")
    ('포장', 'kg')
    """
    name = f"unit.{unit}"
    return render(Message(id=name), language) if name in catalogue() else unit


def _write_out(
    bodies: list[dict[str, Any]],
    items: Sequence[Evidence | Finding],
    messages: tuple[str, ...],
    language: Language,
) -> None:
    for body, item in zip(bodies, items, strict=True):
        for name in messages:
            body[name]["sentence"] = render(getattr(item, name), language)


def _scan(scan: StoredScan, href: str) -> dict[str, Any]:
    return {"href": href, "sha256": scan.files[0].sha256, **scan.details}


def _image(name: str | None, href: str) -> dict[str, str] | None:
    return None if name is None else {"href": href, "sha256": name}
