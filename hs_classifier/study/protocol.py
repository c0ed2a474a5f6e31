"""Which parts of the studies are run; each part brings its own heavy imports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from customs.errors import InvalidValue
from customs.progress import Progress, silent

PARTS = ("text", "photo", "joint")


def run(
    parts: Sequence[str],
    data: Sequence[Path],
    *,
    photos: Sequence[Path] = (),
    nomenclature: Sequence[Path] = (),
    seeds: int = 3,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Rerun parts of the studies; answers with {"seeds", "seed", "parts": {part: its report}}.

    parts: of "text", "photo" and "joint", each once.
    data: files of rulings or worlds, as for training.
    photos: folders or lists of photos with codes; "photo" and "joint" need them.
    nomenclature: official tables, whose wording stands in for names that no ruling has; "joint" alone
        reads them.
    seeds: how often everything is drawn and trained anew; figures are means over them.

    Raises:
        InvalidValue: an unknown part, no seed, or a part whose data are not given.
    """
    unknown = [part for part in parts if part not in PARTS]
    if unknown or not parts:
        raise InvalidValue(f"got {list(parts)}", field="study", remedy=f"choose from {', '.join(PARTS)}")
    if seeds < 1:
        raise InvalidValue(f"got {seeds}", field="seeds", remedy="give at least one")
    wanting = [part for part in parts if part != "text"]
    if wanting and not photos:
        raise InvalidValue(
            f"the study of {' and '.join(wanting)} needs photos",
            field="photos",
            remedy="name a folder of photos by code, or a list of them",
        )
    found: dict[str, Any] = {}
    for part in dict.fromkeys(parts):
        if part == "text":
            from hs_classifier.study import text

            found[part] = text.run(data, seeds=seeds, seed=seed, progress=progress)
        elif part == "photo":
            from hs_classifier.study import photo

            found[part] = photo.run(data, photos, seeds=seeds, seed=seed, progress=progress)
        else:
            from hs_classifier.study import joint

            found[part] = joint.run(
                data, photos, nomenclature=nomenclature, seeds=seeds, seed=seed, progress=progress
            )
    return {"module": "hs", "seeds": seeds, "seed": seed, "parts": found}
