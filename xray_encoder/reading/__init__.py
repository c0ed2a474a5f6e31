"""From a stranger's bytes to a `customs.Scan`, and from a scan to the container on it; needs no torch."""

from xray_encoder.reading.container import Box, Crop, find_container, find_containers
from xray_encoder.reading.dispatch import read_scan, read_scan_files, read_scans
from xray_encoder.reading.names import find_scans, find_siblings

__all__ = [
    "Box",
    "Crop",
    "find_container",
    "find_containers",
    "find_scans",
    "find_siblings",
    "read_scan",
    "read_scan_files",
    "read_scans",
]
