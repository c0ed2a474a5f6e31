"""Readers of official files, one format per file; each answers with a table and a repair report."""

from customs.readers.report import Read, Remark, RepairReport, total

__all__ = ["Read", "Remark", "RepairReport", "total"]
