"""`portcullis bench fusion`: as fusion has it, since no other module takes part."""

from fusion.bench import bench, table

__all__ = ["bench", "table"]
