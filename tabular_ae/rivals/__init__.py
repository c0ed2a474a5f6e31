"""What the flagship has to beat."""

from tabular_ae.rivals.boosted import fit_boosted
from tabular_ae.rivals.field import Field, fit_field
from tabular_ae.rivals.outliers import fit_outliers
from tabular_ae.rivals.simple import SIMPLE, freight_z

__all__ = ["SIMPLE", "Field", "fit_boosted", "fit_field", "fit_outliers", "freight_z"]
