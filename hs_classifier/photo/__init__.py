"""HS codes from product photos: the studies' networks by name, and the branch that the product uses."""

from hs_classifier.photo.branch import PhotoBranch
from hs_classifier.photo.networks import PhotoConfig
from hs_classifier.photo.reading import PhotoSample, read_photos

__all__ = ["PhotoBranch", "PhotoConfig", "PhotoSample", "read_photos"]
