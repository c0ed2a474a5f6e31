"""The demonstration: a world, models trained on it, an office that has worked with them, and logins."""

from portcullis.demo.build import Demo

__all__ = ["Demo"]
