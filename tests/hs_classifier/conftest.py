"""A little corpus of our own and a scorer trained on it once."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from customs.config import make_config
from customs.hs import HsCode
from hs_classifier.data import Corpus, Sample
from hs_classifier.model import HsConfig
from hs_classifier.scorer import HsScorer
from hs_classifier.text import Goods
from hs_classifier.train import fit

GOODS = {
    "0303670000": ("frozen alaska pollock", "냉동 명태"),
    "0303541000": ("frozen pacific salmon", "냉동 연어"),
    "0306171090": ("frozen shrimp peeled", "냉동 새우"),
    "0901110000": ("green coffee beans", "커피 생두"),
    "0901210000": ("roasted coffee beans", "볶은 커피 원두"),
    "4011100000": ("new rubber tyres for passenger cars", "승용차용 고무 타이어"),
    "4011201090": ("new rubber tyres for trucks", "화물차용 고무 타이어"),
    "8471300000": ("portable laptop computer", "휴대용 노트북 컴퓨터"),
}
TINY = make_config(
    HsConfig,
    {
        "embedding_dim": 16,
        "buckets": 500,
        "embedding_epochs": 2,
        "hidden": 16,
        "epochs": 12,
        "learning_rate": 0.01,
        "holdout": 0.3,
    },
)


def make_corpus(n: int = 640) -> Corpus:
    """Names of eight goods in two languages with trade dress around them."""
    rng = random.Random(3)
    codes = list(GOODS)
    samples = []
    for i in range(n):
        code = codes[i % len(codes)]
        name = GOODS[code][i // len(codes) % 2]
        brand = f"{rng.choice(['star', 'ocean', 'delta', '한빛', 'premium'])} lot {rng.randrange(1000)}"
        # the head differs, so that most texts may be held out
        samples.append(Sample(Goods(f"{name} {brand}; {rng.choice(['box', 'bulk'])}"), HsCode(code)))
    return Corpus(tuple(samples), {})


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    """640 texts of eight codes."""
    return make_corpus()


@pytest.fixture(scope="session")
def scorer(corpus: Corpus) -> HsScorer:
    """Trained once for all tests."""
    return fit(corpus, TINY, seed=5)[0]


@pytest.fixture(scope="session")
def goods_names() -> dict[str, tuple[str, str]]:
    """The eight codes with their English and Korean names."""
    return GOODS


@pytest.fixture(scope="session")
def tiny_config() -> HsConfig:
    """Big enough for eight codes."""
    return TINY


@pytest.fixture(scope="session")
def corpus_csv(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus as the CSV file that `train hs` reads."""
    path = tmp_path_factory.mktemp("hs") / "names.csv"
    rows = [f'{s.code.digits},"{s.goods.name}"' for s in corpus.samples]
    path.write_text("\n".join(["hsk,name", *rows]), encoding="utf-8")
    return path
