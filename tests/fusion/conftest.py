"""Made-up declarations with planted rates, evidence of checks that depend on each other, toy models."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from customs.readers import declarations
from fusion import Policy
from fusion.data import KIND, OUTCOME, PERIOD, SUBJECT, Cases
from fusion.head import learn
from fusion.head.attributes import attributes
from fusion.head.model import Head, HeadConfig
from fusion.joint import Joint
from fusion.keeping import save
from fusion.model import Fusion, FusionConfig
from fusion.train import fit_cases

CODES = ("030367", "030617", "401110", "610910", "850440", "870899", "220421", "640319")
ORIGINS = ("CN", "VN", "US", "DE", "RU")
# One pair of code and origin in four is bad: neither the code nor the origin is so by itself.
HIGH, LOW = 0.7, 0.05
COLUMNS = (
    *("Declaration ID", "Date", "Office ID", "Mode of Transport", "Declarant ID", "Importer ID", "Seller ID"),
    *("Courier ID", "HS6 Code", "Country of Departure", "Country of Origin", "Tax Rate", "Tax Type"),
    *("Net Mass", "Item Price", "Fraud"),
)
# Six checks of three modalities; those of one modality see much of the same.
CHECKS = ("price.unit_value", "freight.per_kg", "hs.text", "hs.photo", "xray.packing", "xray.mass")
_COMMON = (0, 0, 0, 1, 2, 2)
TOY = {"rounds": 40, "patience": 10, "models": 1, "leaves": 7, "learning_rate": 0.15, "recall_trees": 10}
Command = Callable[..., tuple[int, str, str]]


def is_bad(code: str, origin: str) -> bool:
    """Whether a pair is one of the bad ones."""
    return (CODES.index(code) + ORIGINS.index(origin)) % 4 == 0


def declarations_csv(
    rows: int, seed: int, *, weeks: int = 20, noise: bool = False, first: int = 0, since: int = 0
) -> str:
    """Declarations as customs publishes them, in the order of their days.

    noise: frauds fall anywhere; since: the first week. Importers come and go, so later weeks have new ones.
    """
    rng = np.random.default_rng(seed)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for i in range(rows):
        day = 7 * since + i * 7 * weeks // rows
        code, origin = CODES[rng.integers(len(CODES))], ORIGINS[rng.integers(len(ORIGINS))]
        rate = 0.2 if noise else HIGH if is_bad(code, origin) else LOW
        importer = f"Importer{rng.integers(40) + day // 14:03d}"
        kg = float(np.exp(rng.normal(5, 1)))
        price = (10 + CODES.index(code)) * kg * float(np.exp(0.2 * rng.standard_normal()))
        writer.writerow(
            [
                f"N{first + i:06d}",
                dt.date(2024, 1, 1) + dt.timedelta(days=day),
                ("020", "040")[rng.integers(2)],
                ("10", "40")[rng.integers(2)],
                f"Broker{rng.integers(12):02d}",
                importer,
                f"Seller{rng.integers(60):02d}",
                f"Courier{rng.integers(5)}" if rng.random() < 0.3 else "",
                code,
                origin,
                origin,
                ("0", "8", "13")[CODES.index(code) % 3],
                "A",
                f"{kg:.1f}",
                f"{price:.1f}",
                int(rng.random() < rate),
            ]
        )
    return text.getvalue()


def table_of(text: str) -> pd.DataFrame:
    """As the reader has it."""
    return declarations.read(text.encode()).table


def clean_surprises(rows: int, seed: int, *, photo: float = 0.5, scan: float = 0.4) -> np.ndarray:
    """(rows, 6) what dependent checks say of clean cases, exactly calibrated each; NaN where silent.

    photo, scan: shares of the cases that come with one; one of the declaration's checks is silent in a tenth.
    """
    rng = np.random.default_rng(seed)
    common, own = rng.normal(size=(rows, 3)), rng.normal(size=(rows, len(CHECKS)))
    z = math.sqrt(0.6) * common[:, _COMMON] + math.sqrt(0.4) * own
    surprise = -stats.norm.logsf(z) / math.log(10)
    surprise[rng.random(rows) < 0.1, 1] = np.nan
    surprise[rng.random(rows) >= photo, 3] = np.nan
    surprise[rng.random(rows) >= scan, 4:] = np.nan
    return np.asarray(surprise)


def cases_of(surprise: np.ndarray, table: pd.DataFrame | None = None, **columns: object) -> Cases:
    """Cases whose checks said that; `columns` beside or instead of a plain table's."""
    n = len(surprise)
    if table is None:
        table = table_of(declarations_csv(n, 0))
    table = table.assign(
        **{SUBJECT: [f"{d}/1" for d in table["declaration_id"]], PERIOD: "review", KIND: ""},
    ).assign(**{OUTCOME: pd.array([None] * n, dtype="Int8")})
    table = table.assign(**columns)
    return Cases(table, CHECKS, 10.0**-surprise, surprise)


def inspected_cases(rows: int, seed: int) -> Cases:
    """Cases of known outcome: a fraud shows in its pair of code and origin and, mostly, in one check."""
    table = table_of(declarations_csv(rows, seed))
    surprise = clean_surprises(rows, seed)
    rng = np.random.default_rng(seed + 1)
    fraud = table["fraud"].to_numpy(dtype=bool)
    odd = fraud & (rng.random(rows) < 0.6)
    surprise[odd, 0] += rng.exponential(2.0, int(odd.sum()))
    outcome = pd.array(fraud.astype(int), dtype="Int8")
    kind = np.where(fraud, np.where(odd, "price", "lane"), "")
    return cases_of(surprise, table, outcome=outcome, kind=kind, period="settled")


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """Makers of all of the above, and what they planted."""
    return SimpleNamespace(
        csv=declarations_csv,
        table=table_of,
        surprises=clean_surprises,
        cases=cases_of,
        inspected=inspected_cases,
        is_bad=is_bad,
        checks=CHECKS,
        toy=TOY,
        high=HIGH,
        low=LOW,
    )


@pytest.fixture(scope="session")
def policy() -> Policy:
    """The one that ships."""
    return Policy.default()


@pytest.fixture(scope="session")
def joint(policy: Policy) -> Joint:
    """Calibrated on 2,500 clean cases."""
    return Joint.fit(cases_of(clean_surprises(2_500, 1)), policy)


@pytest.fixture(scope="session")
def declared() -> pd.DataFrame:
    """4,000 inspected declarations of twenty weeks."""
    return table_of(declarations_csv(4_000, 3))


@pytest.fixture(scope="session")
def head(declared: pd.DataFrame) -> Head:
    """Learned from them."""
    outcome = declared["fraud"].to_numpy(dtype=np.float64)
    return learn.fit(attributes(declared), outcome, HeadConfig(**TOY), seed=1)


@pytest.fixture(scope="session")
def learned(policy: Policy) -> Fusion:
    """Joint calibration and a head, from 3,000 cases of known outcome."""
    return fit_cases(inspected_cases(3_000, 5), FusionConfig(**TOY), policy=policy)


@pytest.fixture(scope="session")
def head_folder(head: Head, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artefact of a head on plain declarations."""
    folder = tmp_path_factory.mktemp("plain") / "fusion"
    fusion = Fusion(FusionConfig(**TOY), head=head)
    save(fusion, folder, data_fingerprint="0" * 64, figures=fusion.facts())
    return folder


@pytest.fixture(scope="session")
def learned_folder(learned: Fusion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artefact of joint calibration and a head."""
    folder = tmp_path_factory.mktemp("cases") / "fusion"
    save(learned, folder, data_fingerprint="0" * 64, figures=learned.facts())
    return folder


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command line in this process: exit code, stdout, stderr."""
    from portcullis.cli import main

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["portcullis", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return call
