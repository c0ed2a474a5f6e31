"""Whether a client takes compressed answers."""

from __future__ import annotations


def takes_gzip(accepted: str) -> bool:
    """True if an Accept-Encoding header lets gzip in."""
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        number = weight.strip().removeprefix("q=").strip() if weight else "1"
        weights[name.strip()] = float(number) if number.replace(".", "", 1).isdigit() else 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0
