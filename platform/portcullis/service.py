"""What the platform does, without knowing who asks: pages, API and commands all call this."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from customs.case import Case
from customs.declaration import Declaration
from customs.errors import CustomsError, InvalidValue
from customs.hs import HsCode
from customs.scan import Scan
from customs.sentences import Language
from fusion import Policy, RiskReport
from portcullis import drawing
from portcullis.alerting.parts import Alerting
from portcullis.batcher import Batcher, Busy, never
from portcullis.bundle.make import Bundles
from portcullis.consignment import Consignment, Upload
from portcullis.identity import Login, Registry, Sessions, read_secret
from portcullis.identity.permissions import PERMISSIONS, Permission
from portcullis.identity.secret import signing_key
from portcullis.jobs.board import Board
from portcullis.jobs.intake import Limits
from portcullis.jobs.runner import NotNow
from portcullis.judge import Verdict, judge_all
from portcullis.metrics import Metrics
from portcullis.model_sets import DEFAULT
from portcullis.models import Models
from portcullis.planning import Planning
from portcullis.readiness import Readiness
from portcullis.settings import Settings
from portcullis.store.accounts import Account, Accounts
from portcullis.store.assessments import Assessment, Assessments, Box, New
from portcullis.store.audit import Audit
from portcullis.store.batches import Batch, Batches
from portcullis.store.casework import Casework, Deed, Event, Noted
from portcullis.store.chunks import Chunks
from portcullis.store.engine import Limits as StoreLimits
from portcullis.store.engine import open_store
from portcullis.store.images import Images
from portcullis.store.imports import Imports
from portcullis.store.model_choices import ModelChoices
from portcullis.store.policies import Policies, Published
from portcullis.store.queue import Queue, Summary
from portcullis.store.saved_views import SavedViews
from portcullis.store.selections import Selections
from portcullis.store.tariff import Tariff
from portcullis.switching import Switchboard

if TYPE_CHECKING:
    from portcullis.broking.desks import Broking
    from portcullis.insight.desks import Insight
    from portcullis.watching.desks import Watching

MAX_SUGGESTION_TEXT = 20_000
MAX_SUGGESTIONS = 50


class NotFound(CustomsError):
    """There is no such thing."""


class NoModel(CustomsError):
    """The model that could answer is not loaded."""


def utc_now() -> dt.datetime:
    """The time, for everything that is stored."""
    return dt.datetime.now(dt.UTC)


@dataclass(frozen=True, eq=False)
class Service:
    """Everything that a running platform holds.

    stopping: set when the service is about to close, for whoever keeps a connection open.
    """

    settings: Settings
    batcher: Batcher
    metrics: Metrics
    policies: Policies
    imports: Imports
    audit: Audit
    alerting: Alerting
    assessments: Assessments
    queue: Queue
    casework: Casework
    planning: Planning
    views: SavedViews
    images: Images
    bundles: Bundles
    board: Board
    tariff: Tariff
    registry: Registry
    readiness: Readiness
    choices: ModelChoices
    stopping: threading.Event = field(default_factory=threading.Event)
    _endings: list[Callable[[], None]] = field(default_factory=list)

    @classmethod
    def open(
        cls,
        settings: Settings,
        models: Models,
        *,
        policy: Policy | None = None,
        now: Callable[[], dt.datetime] = utc_now,
    ) -> Service:
        """Open the store, making it where it is missing."""
        limits = StoreLimits(
            settings.store_connections, settings.store_wait_seconds, settings.store_statement_seconds
        )
        engine = open_store(settings.store_url, limits)
        secret = read_secret(settings.data)
        audit = Audit(engine, signing_key(secret), now)
        audit.require_ours(settings.data)
        alerting = Alerting.of(engine, audit, secret, settings, now)
        images = Images(settings.images)
        policies = Policies(engine, audit, now, pinned=policy)
        metrics = Metrics()
        batcher = Batcher(
            replace(models, took=metrics.model),
            policies.in_force(),
            metrics,
            max_queue=settings.max_queue,
            max_batch=settings.max_batch,
            patience=settings.answer_seconds,
        )
        registry = Registry.open(engine, settings, audit, secret, now)
        assessments = Assessments(engine, images, audit, alerting.alerts, now)
        casework = Casework(engine, audit, alerting.alerts, now)
        queue = Queue(engine)
        lease = dt.timedelta(seconds=settings.lease_seconds)
        service = cls(
            settings=settings,
            batcher=batcher,
            metrics=metrics,
            policies=policies,
            imports=Imports(engine, audit, now),
            registry=registry,
            audit=audit,
            alerting=alerting,
            assessments=assessments,
            queue=queue,
            casework=casework,
            planning=Planning(queue, Selections(engine, audit, casework, now)),
            views=SavedViews(engine, audit, now),
            images=images,
            bundles=Bundles(engine, images, audit, assessments, casework, settings.models),
            board=Board(
                batches=Batches(engine, images, audit, now),
                chunks=Chunks(engine, registry.accounts, assessments, audit, alerting.alerts, lease, now),
                limits=Limits(
                    items=settings.batch_max_items,
                    unpacked=settings.batch_max_unpacked_mb * 1024 * 1024,
                    chunk=settings.chunk_size,
                ),
            ),
            tariff=Tariff(engine),
            readiness=Readiness(settings, batcher, registry.accounts.count),
            choices=ModelChoices(engine, audit, alerting.alerts, now),
        )
        service.on_close(alerting.close)
        return service

    @property
    def models(self) -> Models:
        """The models that answer now."""
        return self.batcher.models

    @property
    def policy(self) -> Policy:
        """The policy that judges now, in this process."""
        return self.batcher.policy

    @property
    def accounts(self) -> Accounts:
        """Who may sign in."""
        return self.registry.accounts

    @property
    def login(self) -> Login:
        """Names and passwords."""
        return self.registry.login

    @property
    def sessions(self) -> Sessions:
        """Logins of browsers."""
        return self.registry.sessions

    @cached_property
    def switchboard(self) -> Switchboard:
        """What switches models and asks the shadow."""
        return Switchboard(
            self.settings,
            self.batcher,
            self.policies,
            self.choices,
            self.metrics,
            read_again=self.read_again,
            warm_up=lambda models: models.warm_up(_made_up_case()),
        )

    def warm_up(self) -> None:
        """Do what the first assessment would have to do, before anybody waits for it."""
        self.batcher.call(lambda models: models.warm_up(_made_up_case()))

    def follow_choices(self, live: str = DEFAULT) -> None:
        """From now on switch models as the store says; live: the set that the service was opened with."""
        self.switchboard.begin(live)
        self.on_close(self.switchboard.close)

    def on_close(self, ending: Callable[[], None]) -> None:
        """Have something ended with the service, the latest first."""
        self._endings.append(ending)

    def close(self, seconds: float | None = None) -> bool:
        """Finish what was accepted, end all that runs beside requests, let the store go.

        False where the models took longer than `seconds` (the setting, if none are given) to finish.
        """
        self.stopping.set()
        for ending in reversed(self._endings):
            ending()
        self._endings.clear()
        done = self.batcher.close(self.settings.shutdown_seconds if seconds is None else seconds)
        self.accounts.engine.dispose()
        return done

    def assess(
        self,
        upload: Upload,
        account: Account,
        key: str | None = None,
        gone: Callable[[], bool] = never,
    ) -> Assessment:
        """Read, score, fuse and store one consignment; on any error nothing is stored.

        The same `key` with the same upload answers with the assessment of the first time. gone: says whether
        whoever asked has given up, so that models need not be asked.
        """
        body = upload.sha256
        if key is not None and (earlier := self.assessments.by_key(account.id, key, body)) is not None:
            return earlier
        consignment = Consignment.read(upload)
        verdict = self.batcher.judge(consignment, gone)
        new = New(consignment.declaration, verdict, consignment.scan, upload.scan, upload.photo)
        found = self.assessments.add(new, account, key=key, body_sha256=body)
        self.stored(found.id, found.report)
        return found

    def stored(self, assessment_id: str, report: RiskReport) -> None:
        """Count an assessment that was stored, and offer it to the shadow."""
        self.metrics.assessed(report)
        self.switchboard.offer(assessment_id)

    def read_again(self, assessment_id: str) -> tuple[Consignment, RiskReport]:
        """What was handed in then, and the report that it got."""
        found = self.assessment(assessment_id)
        files = () if found.scan is None else found.scan.files
        upload = Upload(
            declaration=found.declaration.to_json().encode(),
            scan=tuple((file.name, self.images.read(file.sha256)) for file in files),
            photo=None if found.photo is None else self.images.read(found.photo),
        )
        return Consignment.read(upload), found.report

    def judge_all(self, consignments: Sequence[Consignment]) -> list[Verdict]:
        """Judge consignments of a batch between requests; `NotNow` if those fill the queue."""
        if self.batcher.full:
            raise NotNow
        try:
            return self.batcher.call(lambda models: judge_all(consignments, models, self.policy))
        except Busy:
            raise NotNow from None

    def publish(self, policy: Policy, reason: str, account: Account | None) -> Published:
        """Put a policy in force: here at once, in other processes within seconds."""
        found = self.policies.publish(policy, reason, account)
        self.switchboard.follow_policy()
        return found

    def batch(self, batch_id: str) -> Batch:
        """One batch and how far it is."""
        found = self.board.batches.get(batch_id)
        if found is None:
            raise NotFound(f"there is no batch {batch_id!r}", field="id", remedy="check the address")
        return found

    def assessment(self, assessment_id: str) -> Assessment:
        """One stored assessment."""
        found = self.assessments.get(assessment_id)
        if found is None:
            raise _no_assessment(assessment_id)
        return found

    def case(self, assessment_id: str) -> Summary:
        """The queue's row of one assessment."""
        found = self.queue.get(assessment_id)
        if found is None:
            raise _no_assessment(assessment_id)
        return found

    def officer(self, name: str) -> Account:
        """The account of somebody who may work on cases."""
        found = self.accounts.by_name(name)
        if found is None or not found.active or Permission.WORK_CASES not in PERMISSIONS[found.role]:
            raise InvalidValue(
                f"{name!r} cannot work on cases",
                field="assignee",
                remedy="name an account that is an inspector or an analyst",
            )
        return found

    def officers(self) -> tuple[str, ...]:
        """Names of all who may work on cases."""
        roles = [role for role, may in PERMISSIONS.items() if Permission.WORK_CASES in may]
        return tuple(a.name for a in self.accounts.page(limit=500) if a.active and a.role in roles)

    def queue_today(self, zone: dt.tzinfo) -> dt.date:
        """The day it is at the office."""
        return self.casework.now().astimezone(zone).date()

    def work(
        self,
        assessment_id: str,
        deed: Deed,
        account: Account,
        *,
        version: int | None = None,
        key: str | None = None,
    ) -> Event:
        """Decide, record an outcome, note or assign; see `Casework.add`.

        Raises:
            InvalidValue: a note's box does not lie on the case's scan.
        """
        if isinstance(deed, Noted) and deed.box is not None:
            self._check_place(self.assessment(assessment_id), deed.box)
        try:
            return self.casework.add(assessment_id, deed, account, version=version, key=key)
        except KeyError:
            raise _no_assessment(assessment_id) from None

    def work_all(
        self, deeds: Mapping[str, Deed], account: Account, *, key: str | None = None
    ) -> dict[str, Event | CustomsError]:
        """Do something with many cases; each is answered by itself. See `Casework.add_all`."""
        return self.casework.add_all(deeds, account, key=key)

    def bundle(self, assessment_id: str, actor: str, file: IO[bytes]) -> None:
        """Write the evidence bundle of a case to `file`; that it was taken goes to the audit log."""
        try:
            self.bundles.export(assessment_id, actor, file)
        except KeyError:
            raise _no_assessment(assessment_id) from None

    def wording(self, found: Assessment, language: Language) -> dict[HsCode, str]:
        """Official wording of the declared and the likely codes of an assessment, where it was imported."""
        reports = (found.report, *found.report.lines)
        others = [a.hs for r in reports for a in r.alternatives]
        others += [a.hs for finding in found.report.findings for a in finding.alternatives]
        others += [a.hs for r in reports for e in r.evidence for a in e.alternatives]
        others += [r.goods.code for r in reports if r.goods is not None]
        declared = [line.hsk for line in found.declaration.lines]
        return self.tariff.wording({code for code in (*others, *declared) if code is not None}, language)

    def scan_picture(self, assessment_id: str) -> bytes:
        """PNG of the stored scan."""
        return drawing.scan_png(self._scan(self.assessment(assessment_id)))

    def heatmap_picture(self, assessment_id: str) -> bytes:
        """PNG of the heat-map, transparent where all is usual, as large as the scan."""
        from customs.picture import decode_picture

        found = self.assessment(assessment_id)
        if found.heatmap is None or found.heatmap_box is None:
            raise NotFound("this assessment has no heat-map", field="id", remedy="only an odd scan has one")
        scan = self._scan(found)
        values = decode_picture(self.images.read(found.heatmap), field="heatmap")[0]
        return drawing.overlay_png(values, found.heatmap_box, scan.height, scan.width)

    def photo_picture(self, assessment_id: str) -> bytes:
        """PNG of the stored photo."""
        from customs.picture import read_photo

        found = self.assessment(assessment_id)
        if found.photo is None:
            raise NotFound("this assessment has no photo", field="id", remedy="none was uploaded")
        return drawing.photo_png(read_photo(self.images.read(found.photo)).pixels)

    def suggest(
        self, text: str, top: int = 5, language: Language = "en", photo: bytes | None = None
    ) -> dict[str, Any]:
        """HS code suggestions for a name or description, a photo, or both; see `broking.suggesting`."""
        from portcullis.broking.asked import Asked

        return self.broking.suggesting(Asked(text, photo=photo), top, language)

    @cached_property
    def broking(self) -> Broking:
        """What brokers work with."""
        from portcullis.broking.desks import Broking

        return Broking.over(self)

    @cached_property
    def insight(self) -> Insight:
        """What officers look things up with."""
        from portcullis.insight.desks import Insight

        return Insight.over(
            self.assessments,
            self.queue,
            self.policy,
            models=lambda: self.models,
            on_models=self.batcher.call,
            scan_of=self._scan,
        )

    def _check_place(self, found: Assessment, box: Box) -> None:
        if found.scan is None:
            raise InvalidValue(
                "this case has no scan", field="box", remedy="write the note without a place on the scan"
            )
        about = self.insight.scans.planes(found)
        if box[2] > about.rows or box[3] > about.columns:
            raise InvalidValue(
                f"got {list(box)}; the scan has {about.rows} rows and {about.columns} columns",
                field="box",
                remedy="give a box that lies on the scan",
            )

    @cached_property
    def watching(self) -> Watching:
        """What inspections brought, and whether checks and data are as they were."""
        from zoneinfo import ZoneInfo

        from portcullis.watching.desks import Watching

        return Watching.over(self.assessments.engine, ZoneInfo(self.settings.time_zone), self.assessments.now)

    def _scan(self, found: Assessment) -> Scan:
        from xray_encoder.reading import read_scans

        if found.scan is None:
            raise NotFound("this assessment has no scan", field="id", remedy="none was uploaded")
        files = [(file.name, self.images.read(file.sha256)) for file in found.scan.files]
        return read_scans(files, field="scan")


def _no_assessment(assessment_id: str) -> NotFound:
    return NotFound(f"there is no assessment {assessment_id!r}", field="id", remedy="check the address")


def _made_up_case() -> Case:
    """A plain container: air around a block of goods."""
    transmission = np.full((2, 150, 620), 0.98, dtype=np.float32)
    transmission[:, 30:130, 30:590] = 0.3
    declaration = Declaration.from_dict(
        {
            "id": "warm-up",
            "date": "2025-01-02",
            "origin": "VN",
            "importer": "warm-up",
            "lines": [
                {
                    "hsk": "0306170000",
                    "name": "냉동 새우 FROZEN SHRIMP",
                    "net_kg": 20_000,
                    "gross_kg": 21_000,
                    "value": {"amount": "160000", "currency": "USD"},
                }
            ],
        }
    )
    scan = Scan(transmission, energies=("6MV", "9MV"), pixel_pitch_m=(0.02, 0.02))
    return Case.of(declaration, scan=scan)[0]
