"""The house rules that a newcomer would break first."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "customs": ROOT / "data" / "customs",
    "tabular_ae": ROOT / "tabular_ae",
    "xray_encoder": ROOT / "xray_encoder",
    "hs_classifier": ROOT / "hs_classifier",
    "fusion": ROOT / "fusion",
    "portcullis": ROOT / "platform" / "portcullis",
}
# Which of our packages, and of the heavy libraries, each package may import.
MODULE = {"customs"}
ALLOWED = {
    "customs": set(),
    "tabular_ae": MODULE,
    "xray_encoder": MODULE,
    "hs_classifier": MODULE,
    "fusion": MODULE,
    "portcullis": {"customs", "tabular_ae", "xray_encoder", "hs_classifier", "fusion"},
}
WEB = {"fastapi", "starlette", "uvicorn", "jinja2", "sqlalchemy", "alembic"}
TORCH = {"torch", "torchvision", "timm", "transformers"}
FORBIDDEN = {
    "customs": WEB | TORCH,
    "fusion": WEB | TORCH,
    "tabular_ae": WEB,
    "xray_encoder": WEB,
    "hs_classifier": WEB,
    "portcullis": set(),
}
UNPICKLERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


PAGES = PACKAGES["portcullis"] / "web"


def sources(package: str) -> list[Path]:
    return [p for p in sorted(PACKAGES[package].rglob("*.py")) if "node_modules" not in p.parts]


def imports(path: Path) -> set[str]:
    """Top-level names of all modules that a file imports, wherever it does."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


def run(code: str) -> str:
    """Run Python from an empty folder, as a user's shell would."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=os.path.dirname(sys.executable),
    )
    return done.stdout.strip()


def test_platform_holds_no_file_of_its_own() -> None:
    """Anything there, above all __init__.py, would shadow Python's own `platform`."""
    assert [p.name for p in (ROOT / "platform").iterdir() if p.name != "__pycache__"] == ["portcullis"]


def test_pythons_own_platform_module_is_intact() -> None:
    code = "import portcullis, platform; print(platform.python_implementation(), platform.__file__)"
    name, file = run(code).split(maxsplit=1)
    assert name == "CPython"
    assert not file.startswith(str(ROOT / "platform"))


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_one_way(package: str) -> None:
    ours = set(PACKAGES) - {package}
    for path in sources(package):
        found = imports(path)
        assert found & ours <= ALLOWED[package], path
        assert not found & FORBIDDEN[package], path


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_unpickles(package: str) -> None:
    for path in sources(package):
        assert not imports(path) & UNPICKLERS, path
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                call = ast.unparse(node.func)
                assert call not in {"torch.load", "torch.save", "pd.read_pickle", "pandas.read_pickle"}, path
                unpickling = [
                    k for k in node.keywords if k.arg == "allow_pickle" and ast.unparse(k.value) != "False"
                ]
                assert not unpickling, path


@pytest.mark.parametrize("package", PACKAGES)
def test_no_file_outgrows_five_hundred_lines(package: str) -> None:
    for path in sources(package):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 500, path


def test_no_script_sheet_or_template_outgrows_five_hundred_lines() -> None:
    written = [PAGES / "assets" / "src", PAGES / "static" / "css", PAGES / "templates"]
    paths = [path for folder in written for path in folder.rglob("*") if path.is_file()]
    assert len(paths) > 15
    for path in paths:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 500, path


@pytest.mark.parametrize("module", ["tabular_ae", "xray_encoder", "hs_classifier"])
def test_the_three_modules_have_the_same_rooms(module: str) -> None:
    rooms = {p.stem if p.suffix == ".py" else p.name for p in PACKAGES[module].iterdir()}
    assert {"README.md", "model", "data", "train", "scorer", "evaluate", "configs"} <= rooms


def test_test_files_have_unique_names_and_are_in_no_package() -> None:
    names = [p.name for p in (ROOT / "tests").rglob("test_*.py")]
    assert len(names) == len(set(names))
    assert not list((ROOT / "tests").rglob("__init__.py"))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        *(
            [verb]
            for verb in (
                "train",
                "serve",
                "assess",
                "audit",
                "images",
                "bundle",
                "backup",
                "restore",
                "score",
                "rank",
                "replay",
                "suggest",
                "codes",
                "world",
                "import",
                "panel",
                "bench",
                "evaluate",
                "user",
                "key",
            )
        ),
    ],
)
def test_help_needs_neither_torch_nor_the_web_nor_pandas(arguments: list[str]) -> None:
    code = (
        f"import sys; sys.argv = ['portcullis', *{arguments!r}, '--help']\n"
        "from portcullis.cli import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code\n"
        "print('LOADED', *sorted(set(m.split('.')[0] for m in sys.modules)))"
    )
    loaded = run(code).rsplit("LOADED", 1)[1].split()
    assert not set(loaded) & (TORCH | WEB | {"pandas", "scipy", "sklearn", "gensim"})


def test_help_takes_less_than_half_a_second_of_processor_time() -> None:
    """Processor time of the best of three fresh processes, so that a busy machine does not decide."""
    times = []
    for _ in range(3):
        before = os.times()
        run("import sys; sys.argv = ['portcullis', '--help']\nfrom portcullis.cli import main\nmain()")
        after = os.times()
        times.append(
            after.children_user - before.children_user + after.children_system - before.children_system
        )
    assert min(times) < 0.5


def test_no_module_touches_cuda_or_the_environment_at_import() -> None:
    code = (
        "import os, tabular_ae, xray_encoder, hs_classifier, fusion, customs, portcullis, sys\n"
        "print('torch' in sys.modules)"
    )
    assert run(code) == "False"


def test_the_pinned_torch_set_imports_together_without_a_gpu() -> None:
    """A torchvision built for another torch fails at its operators and takes the others with it."""
    code = (
        "import torch, torchvision, timm, transformers\n"
        "boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.9]])\n"
        "print(torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8]), 0.5).tolist())"
    )
    assert run(code) == "[0]"
