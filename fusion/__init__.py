"""Evidence in, one explained and ordered risk report out."""

from fusion.assess import assess, likely_codes, merge, worst
from fusion.goods import Goods, Stance, candidates
from fusion.policy import BANDS, SEVERITIES, Policy
from fusion.report import Finding, RiskReport

__all__ = [
    "BANDS",
    "SEVERITIES",
    "Finding",
    "Goods",
    "Policy",
    "RiskReport",
    "Stance",
    "assess",
    "candidates",
    "likely_codes",
    "merge",
    "worst",
]
