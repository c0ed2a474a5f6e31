"""`/v1/policies`: what counts as remarkable, every version of it, and what another one would change."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from fusion import Policy
from portcullis.api.access import ReadingModels, Serving, WritingPolicies
from portcullis.api.documents import Text
from portcullis.api.problems import documented
from portcullis.service import NotFound, Service
from portcullis.store.policies import MAX_REASON, Published

router = APIRouter(prefix="/v1/policies", tags=["policies"])
Surprise = Annotated[float, Field(ge=0, le=12, allow_inf_nan=False)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")


class BandThresholds(_Document):
    """From which combined surprise (-log10 of the share of clean consignments) a band begins."""

    watch: Surprise
    high: Surprise
    critical: Surprise


class FindingThresholds(_Document):
    """From which surprise a single check is named, and how severely."""

    note: Surprise
    warning: Surprise
    alarm: Surprise


class WantedPolicy(_Document):
    """Other thresholds; the rest stays as it is in force."""

    bands: BandThresholds
    findings: FindingThresholds


class WantedPublication(WantedPolicy):
    """Thresholds to be put in force, and why."""

    reason: Annotated[Text, Field(min_length=1, max_length=MAX_REASON)]


class PolicyDocument(_Document):
    """A policy; number, at, by, reason: of its publication, null of the one that ships with Portcullis."""

    version: str
    bands: dict[str, float]
    findings: dict[str, float]
    cap: float
    weights: dict[str, float]
    echoes: dict[str, str]
    ceilings: dict[str, str]
    number: int | None
    at: dt.datetime | None
    by: str | None
    reason: str | None


class PoliciesDocument(_Document):
    """The policy in force and those published, newest first; pinned: it was given at the start."""

    in_force: PolicyDocument
    pinned: bool
    published: list[PolicyDocument]
    next: int | None


class ShareDocument(_Document):
    """How many now, and how many there would be."""

    before: int
    after: int


class PreviewDocument(_Document):
    """What would change for recent assessments; unknown: those that no check could judge."""

    counted: int
    unknown: int
    bands: dict[str, ShareDocument]
    opened: int
    findings: dict[str, ShareDocument]


@router.get("", responses=documented(401, 403, 422))
def policies(
    service: Serving,
    account: ReadingModels,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> PoliciesDocument:
    """What judges now, and what did before."""
    found = service.policies.page(before, limit + 1)
    shown = found[:limit]
    newest = service.policies.page(limit=1)
    current = newest[0] if newest and newest[0].policy.version == service.policy.version else None
    return PoliciesDocument(
        in_force=_document(service.policy, current),
        pinned=service.policies.pinned is not None,
        published=[_document(one.policy, one) for one in shown],
        next=shown[-1].number if len(found) > limit else None,
    )


@router.post("/preview", responses=documented(400, 401, 403, 422))
def preview(service: Serving, account: ReadingModels, wanted: WantedPolicy) -> PreviewDocument:
    """What other thresholds would have said of the newest assessments; nothing changes."""
    change = service.policies.compared(service.policy, _policy(service, wanted))

    def shares(pairs: Any) -> dict[str, ShareDocument]:
        return {name: ShareDocument(before=old, after=new) for name, (old, new) in pairs.items()}

    return PreviewDocument(
        counted=change.counted,
        unknown=change.unknown,
        bands=shares(change.bands),
        opened=change.opened,
        findings=shares(change.findings),
    )


@router.post("", status_code=201, responses=documented(400, 401, 403, 422))
def publish(service: Serving, account: WritingPolicies, wanted: WantedPublication) -> PolicyDocument:
    """Put other thresholds in force; all workers follow within seconds."""
    found = service.publish(_policy(service, wanted), wanted.reason, account)
    return _document(found.policy, found)


@router.post("/{number}/publish", status_code=201, responses=documented(400, 401, 403, 404, 422))
def publish_again(
    service: Serving,
    account: WritingPolicies,
    number: int,
    reason: Annotated[str, Query(min_length=1, max_length=MAX_REASON)],
) -> PolicyDocument:
    """Put an earlier policy in force again."""
    earlier = published(service, number)
    found = service.publish(earlier.policy, reason, account)
    return _document(found.policy, found)


def published(service: Service, number: int) -> Published:
    """A published policy by its number; a `NotFound` where there is none."""
    found = service.policies.get(number) if 0 < number < 2**31 else None
    if found is None:
        raise NotFound(f"there is no policy {number}", field="number", remedy="see the list of policies")
    return found


def _policy(service: Service, wanted: WantedPolicy) -> Policy:
    return service.policy.with_thresholds(wanted.bands.model_dump(), wanted.findings.model_dump())


def _document(policy: Policy, found: Published | None) -> PolicyDocument:
    return PolicyDocument(
        version=policy.version,
        bands=dict(policy.bands),
        findings=dict(policy.findings),
        cap=policy.cap,
        weights=dict(policy.weights),
        echoes=dict(policy.echoes),
        ceilings=dict(policy.ceilings),
        number=None if found is None else found.number,
        at=None if found is None else found.at,
        by=None if found is None else found.account,
        reason=None if found is None else found.reason,
    )
