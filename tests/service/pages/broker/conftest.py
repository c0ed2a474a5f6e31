"""A service with the small HS model and a small table of codes, for the broker's pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import MappingProxyType

import httpx
import pytest

from customs.readers import hsk, rates
from hs_classifier.scorer import HsScorer
from portcullis.identity.session import COOKIE
from portcullis.service import Service
from portcullis.store.accounts import Account, Role
from portcullis.store.intake import store

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
