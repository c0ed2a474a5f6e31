"""Evidence in, one explained and ordered risk report out."""

from fusion.assess import assess, likely_codes, merge, worst
from fusion.combine import cauchy_combination, combine_surprise
from fusion.policy import BANDS, SEVERITIES, Policy
from fusion.report import Finding, RiskReport

__all__ = [
    "BANDS",
    "SEVERITIES",
    "Finding",
    "Policy",
    "RiskReport",
    "assess",
    "cauchy_combination",
    "combine_surprise",
    "likely_codes",
    "merge",
    "worst",
]
