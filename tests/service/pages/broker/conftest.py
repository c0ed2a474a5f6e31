"""A small HS model trained on eight goods, and a small table of codes, for the broker's pages."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType

import httpx
import pytest

from customs.config import make_config
from customs.hs import HsCode
from customs.readers import hsk, rates
from hs_classifier.data import Corpus, Sample
from hs_classifier.model import HsConfig
from hs_classifier.scorer import HsScorer
from hs_classifier.text import Goods
from hs_classifier.train import fit
from portcullis.identity.session import COOKIE
from portcullis.service import Service
from portcullis.store.accounts import Account, Role
from portcullis.store.intake import store

GOODS = {
    "0303670000": ("frozen alaska pollock", "냉동 명태"),
    "0303541000": ("frozen pacific salmon", "냉동 연어"),
    "0306171090": ("frozen shrimp peeled", "냉동 새우살"),
    "0901110000": ("green coffee beans", "커피 생두"),
    "0901210000": ("roasted coffee beans", "볶은 커피 원두"),
    "4011100000": ("new rubber tyres for passenger cars", "승용차용 고무 타이어"),
    "4011201090": ("new rubber tyres for trucks", "화물차용 고무 타이어"),
    "8471300000": ("portable laptop computer", "휴대용 노트북 컴퓨터"),
}
TABLE = (
    "HS부호,적용시작일자,적용종료일자,한글품목명,영문품목명,수량단위코드,중량단위코드\n"
    "03,20120101,20991231,어류,Fish,,\n0306,20120101,20991231,갑각류,Crustaceans,,\n"
    "0306171090,20120101,20991231,새우살,Peeled shrimps,,KG\n"
    "0306179091,20220101,20991231,흰다리새우,White leg shrimp,U,KG\n"
    "0303670000,20120101,20991231,명태,Alaska pollock,,KG\n"
    "0901210000,20120101,20201231,볶은 커피,Roasted coffee,,KG\n"
)
RATES = (
    "품목번호,관세율구분,관세율,단위당세액,적용국가구분,용도세율구분,적용개시일,적용만료일\n"
    "0306171090,A,20,,1,,20220101,99991231\n"
)
SMALL = {
    **{"embedding_dim": 16, "buckets": 500, "embedding_epochs": 1, "hidden": 16, "epochs": 4},
    **{"learning_rate": 0.01, "holdout": 0.3, "use_blstm": False, "use_glossary": False, "rounds": 30},
}


@pytest.fixture(scope="session")
def small_hs() -> HsScorer:
    """Trained once for all tests."""
    rng = random.Random(3)
    codes = list(GOODS)
    samples = []
    for i in range(400):
        code = codes[i % len(codes)]
        name = GOODS[code][i // len(codes) % 2]
        brand = f"{rng.choice(['star', 'ocean', 'delta', '한빛'])} lot {rng.randrange(1000)}"
        samples.append(Sample(Goods(f"{name} {brand}; {rng.choice(['box', 'bulk'])}"), HsCode(code)))
    return fit(Corpus(tuple(samples), {}), make_config(HsConfig, SMALL), seed=5)[0]


@pytest.fixture
def hs(service: Service, small_hs: HsScorer) -> Service:
    """The service with the HS model, and table and rates imported."""
    models = service.models
    service.batcher.switch(
        replace(
            models,
            scorers=MappingProxyType({**models.scorers, "hs": small_hs}),
            versions=MappingProxyType({**models.versions, "hs": "hs@small"}),
        )
    )
    for kind, reader, text in (("hsk", hsk, TABLE), ("rates", rates, RATES)):
        data = text.encode()
        store(service.accounts.engine, kind, reader.read(data), file=f"{kind}.csv", data=data)
    return service


@pytest.fixture
def broker(hs: Service, people: dict[Role, Account], address: str) -> Iterator[httpx.Client]:
    """A signed-in broker as a browser would send."""
    headers = {
        "Cookie": f"{COOKIE}={hs.sessions.issue(people[Role.BROKER])}; portcullis_language=en",
        "Sec-Fetch-Site": "same-origin",
        "Accept": "text/html",
    }
    with httpx.Client(base_url=address, headers=headers, timeout=60) as client:
        yield client
