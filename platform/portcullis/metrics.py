"""What Prometheus reads: how much is asked, how long it takes, what the checks say. No personal data.

With several workers each counts in files of its own under `PROMETHEUS_MULTIPROC_DIR`, which has to be set
before this module is imported; whichever worker is asked adds them up.
"""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from fusion import RiskReport

SHARED = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2, 2.0, 5.0, 10.0, 30.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """All figures of one service."""

    def __init__(self) -> None:
        all_ = CollectorRegistry()
        self.registry = all_
        labels: tuple[str, ...] = ("method", "route", "status")
        self.requests = Counter("portcullis_requests", "Answers by route template.", labels, registry=all_)
        self.seconds = Histogram(
            "portcullis_request_seconds",
            "From the request to its answer.",
            ("route",),
            registry=all_,
            buckets=_SECONDS,
        )
        self.in_hand = Gauge(
            "portcullis_uploads_in_hand",
            "Uploads that are read, wait or are judged.",
            registry=all_,
            multiprocess_mode="livesum",
        )
        self.waiting = Gauge(
            "portcullis_queue_depth",
            "Jobs that wait for the models.",
            registry=all_,
            multiprocess_mode="livesum",
        )
        self.batch_size = Histogram(
            "portcullis_batch_size", "Consignments judged together.", registry=all_, buckets=_SIZES
        )
        self.model_seconds = Histogram(
            "portcullis_model_seconds",
            "Of one call of a module.",
            ("module",),
            registry=all_,
            buckets=_SECONDS,
        )
        self.assessments = Counter(
            "portcullis_assessments", "Stored assessments by band.", ("band",), registry=all_
        )
        self.evidence = Counter(
            "portcullis_evidence", "Whether a check spoke or was silent.", ("check", "said"), registry=all_
        )
        labels = ("kind", "severity")
        self.findings = Counter("portcullis_findings", "Findings by kind.", labels, registry=all_)
        self.shadow = Counter(
            "portcullis_shadow",
            "Assessments that a shadow scored, failed at or let go.",
            ("how",),
            registry=all_,
        )
        self.refusals = Counter(
            "portcullis_refusals",
            "Turned away for want of room (places, queue, patience) or since the caller had gone.",
            ("reason",),
            registry=all_,
        )

    def assessed(self, report: RiskReport) -> None:
        """Count a stored assessment and what its checks said."""
        self.assessments.labels(report.band).inc()
        for evidence in report.evidence:
            self.evidence.labels(evidence.check, "silent" if evidence.abstained else "spoke").inc()
        for finding in report.findings:
            self.findings.labels(finding.kind, finding.severity).inc()

    def model(self, module: str, seconds: float) -> None:
        """Note how long a module took."""
        self.model_seconds.labels(module).observe(seconds)

    def text(self) -> bytes:
        """All of it in Prometheus' text format, of all workers."""
        registry = self.registry
        if os.environ.get(SHARED):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
        return generate_latest(registry)
