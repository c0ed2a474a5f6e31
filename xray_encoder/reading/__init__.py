"""From a stranger's bytes to a `customs.Scan`, and from a scan to the container on it; needs no torch."""

from xray_encoder.reading.container import Crop, find_container
from xray_encoder.reading.picture import read_scan

__all__ = ["Crop", "find_container", "read_scan"]
