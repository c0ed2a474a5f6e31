"""The published studies, rerun by name on the data at hand, and their figures beside ours."""

from hs_classifier.study.protocol import run
from hs_classifier.study.tables import table

__all__ = ["run", "table"]
