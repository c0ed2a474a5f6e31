"""All that officers look things up with, over one store and the models that are loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from customs.scan import Scan
from fusion import Policy
from portcullis.insight.models import OnModels
from portcullis.insight.past import PastDesk
from portcullis.insight.replay import ReplayDesk
from portcullis.insight.route import RouteDesk
from portcullis.insight.scans import ScanDesk
from portcullis.insight.series import SeriesDesk
from portcullis.insight.similar import SimilarDesk
from portcullis.models import Models
from portcullis.store.assessments import Assessment, Assessments
from portcullis.store.past import Past
from portcullis.store.queue import Queue
from portcullis.store.replays import Replays
from portcullis.store.scan_looks import ScanLooks
from portcullis.store.trade import Trade


@dataclass(frozen=True, eq=False)
class Insight:
    """One desk for each question."""

    series: SeriesDesk
    past: PastDesk
    route: RouteDesk
    similar: SimilarDesk
    scans: ScanDesk
    replay: ReplayDesk

    @classmethod
    def over(
        cls,
        assessments: Assessments,
        queue: Queue,
        policy: Policy,
        *,
        models: Callable[[], Models],
        on_models: OnModels,
        scan_of: Callable[[Assessment], Scan],
    ) -> Self:
        """The desks over one store; models: those that answer now; scan_of: reads a stored scan."""
        engine = assessments.engine
        past = Past(engine)
        cases = PastDesk(past, queue)
        return cls(
            SeriesDesk(Trade(engine), models, on_models),
            cases,
            RouteDesk(cases),
            SimilarDesk(ScanLooks(engine), assessments, queue, past, models, scan_of),
            ScanDesk(assessments.images, models, scan_of),
            ReplayDesk(Replays(engine), policy),
        )
