"""`python -m soak [SOAK …]`: the long runs, each ending in one line of JSON with figures and verdicts.

Needs no network: every server it starts listens on 127.0.0.1, and everything it writes it takes away again.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
import tempfile
from pathlib import Path

from soak.quick import cached
from soak.verdict import say

SOAKS = ("kill", "fuzz", "hostile", "steady", "batch", "watch", "queue", "viewer", "load")
# Their figures depend on the models, so they take the demo's where it was built.
_DEMO = ("batch", "watch", "load")
# Where quick models are kept between runs, unless --models is given.
CACHE = Path(tempfile.gettempdir()) / "portcullis-soak"


def main() -> int:
    """Run what was asked for; 1 if a figure was missed."""
    soaks = {name: importlib.import_module(f"soak.{name}") for name in SOAKS}
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("soak", nargs="*", metavar="SOAK", help=f"which of {', '.join(SOAKS)}; none: all")
    parser.add_argument("--models", type=Path, help="folder of model folders for all soaks")
    parser.add_argument(
        "--demo",
        type=Path,
        default=Path("demo"),
        help=f"demo whose models {' and '.join(_DEMO)} take if it is there; others train quick ones",
    )
    parser.add_argument("--seed", type=int, default=1, help="of all that is random (default: %(default)s)")
    parser.add_argument("--keep", type=Path, help="leave stores and logs in this folder")
    for module in soaks.values():
        module.add_arguments(parser)
    arguments = parser.parse_args()
    if unknown := set(arguments.soak) - set(SOAKS):
        parser.error(f"there is no {', '.join(sorted(unknown))}: choose from {', '.join(SOAKS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are ended, too
    met = True
    for name in arguments.soak or SOAKS:
        say(f"— {name}")
        with tempfile.TemporaryDirectory(prefix=f"soak-{name}-") as temporary:
            folder = Path(temporary) if arguments.keep is None else arguments.keep / name
            folder.mkdir(parents=True, exist_ok=True)
            given = argparse.Namespace(**vars(arguments) | {"models": models_for(name, arguments)})
            result = soaks[name].main(given, folder)
        print(result.line(), flush=True)
        met = met and result.met
    return 0 if met else 1


def models_for(name: str, arguments: argparse.Namespace) -> Path:
    """The folder of models that a soak takes."""
    if arguments.models is not None:
        return Path(arguments.models)
    demo = Path(arguments.demo) / "models"
    if name in _DEMO and demo.is_dir():
        return demo
    say("with quick models: they are trained, or those of an earlier run are taken")
    return cached(CACHE)


if __name__ == "__main__":
    sys.exit(main())
