"""The world's tables as files: series, official forms, texts, declarations, truth."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from customs.world.economy import MONTHS, Economy, month_label
from customs.world.goods import PIECES, Catalogue, Item
from customs.world.texts import describe


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


_HSK_COLUMNS = _names(
    "HS부호,적용시작일자,적용종료일자,한글품목명,영문품목명,HS부호내용,한국표준무역분류명,"
    "수량단위최대단가,중량단위최대단가,수량단위코드,중량단위코드,수출성질코드,수입성질코드,"
    "품목규격명,필수규격명,참고규격명,규격설명,규격사항내용,성질통합분류코드,성질통합분류코드명"
)
_TRADE_COLUMNS = _names(
    "기준년월,국가코드,HSK품목코드,수출입구분코드,수출입구분명,국가명,경제권명,수산물수출입품목명,"
    "당월수출입중량,당월수출입미화금액,당해누계중량,당해누계미화금액,데이터기준일자,파일기준년월"
)
_COUNTRY_KO = dict(
    pair.split(":")
    for pair in _names(
        "CN:중국,JP:일본,US:미국,VN:베트남,NO:노르웨이,RU:러시아,CL:칠레,PE:페루,TW:대만,TH:태국,"
        "ID:인도네시아,SN:세네갈,AE:아랍에미리트,NL:네덜란드,DK:덴마크,ES:스페인,IT:이탈리아,"
        "AR:아르헨티나,EC:에콰도르"
    )
)
_EU = frozenset({"NL", "DK", "ES", "IT", "DE", "FR", "BE", "CZ"})
_ROUTE_KO = {
    "us_west": "미국서부",
    "us_east": "미국동부",
    "eu": "유럽연합",
    "cn": "중국",
    "jp": "일본",
    "vn": "베트남",
}
# Rulings were made in the four years before the past ends.
_RULED_FROM, _RULED_DAYS = dt.date(2020, 5, 4), 1440
_SEAFOOD = ("03", "1604", "1605")
Row = Sequence[object]


def write_csv(path: Path, header: Iterable[str], rows: Iterable[Row], *, encoding: str = "utf-8") -> None:
    """A CSV file with plain newlines, the same on every machine."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(list(header))
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))


def write_hsk(path: Path, goods: Catalogue) -> None:
    """The code table in the official columns, with the parents' rows."""
    wanted = {item.hsk.digits[:level] for item in goods.items for level in (2, 4, 6)}
    names = {digits: goods.parents[digits] for digits in wanted if digits in goods.parents}
    units = {}
    for item in goods.items:
        names[item.hsk.digits] = (item.en, item.ko)
        units[item.hsk.digits] = ("U" if item.family in PIECES else "KG", "KG")
    rows = []
    for digits in sorted(names):
        en, ko = names[digits]
        quantity, weight = units.get(digits, ("", ""))
        row = dict.fromkeys(_HSK_COLUMNS, "")
        row |= {"HS부호": digits, "적용시작일자": "20120101", "적용종료일자": "20991231", "한글품목명": ko}
        row |= {"영문품목명": en, "수량단위코드": quantity, "중량단위코드": weight}
        rows.append([row[column] for column in _HSK_COLUMNS])
    write_csv(path, _HSK_COLUMNS, rows)


def write_series(folder: Path, items: Sequence[Item], economy: Economy, rng: np.random.Generator) -> int:
    """series.csv and the official forms of the same trade; how many rows the series has."""
    series, trade = [], []
    for item in items:
        code = item.hsk.digits
        for country in item.origins:
            weight, price = economy.weight[code][country], economy.price[code][country]
            spread = np.sqrt(0.05**2 + 18.0 / np.maximum(weight, 40.0))  # small months are noisy
            value = np.round(weight * price * np.exp(np.minimum(spread, 0.5) * rng.standard_normal(MONTHS)))
            freight = economy.freight[code][country] * np.exp(0.03 * rng.standard_normal(MONTHS))
            total_weight = total_value = 0
            for month in range(MONTHS):
                label = month_label(month)
                if label.endswith("-01"):
                    total_weight = total_value = 0
                if weight[month] == 0:
                    continue
                kg, usd = int(weight[month]), int(max(value[month], 1))
                series.append((label, code, country, usd, kg, f"{freight[month]:.2f}"))
                total_weight, total_value = total_weight + kg, total_value + usd
                if code.startswith(_SEAFOOD):
                    bloc = "유럽연합(EU)" if country in _EU else "기타"
                    compact = label.replace("-", "")
                    name = _COUNTRY_KO.get(country, country)
                    head = (compact, country, code.lstrip("0"), "I", "수입", name, bloc, item.ko)
                    trade.append((*head, kg, usd, total_weight, total_value, f"{label}-28", compact))
    series.sort()
    trade.sort()
    write_csv(
        folder / "series.csv",
        ("month", "hs", "country", "value_usd", "weight_kg", "freight_krw_per_kg"),
        series,
    )
    write_csv(folder / "official" / "seafood_trade.csv", _TRADE_COLUMNS, trade, encoding="cp949")
    write_csv(
        folder / "official" / "sea_freight.csv",
        ["기간", *(_ROUTE_KO[name] for name in economy.routes)],
        [[month_label(m), *(round(float(s[m])) for s in economy.routes.values())] for m in range(MONTHS)],
    )
    write_csv(
        folder / "official" / "macro.csv",
        ["month", *economy.macro],
        [[month_label(m), *(f"{float(s[m]):.2f}" for s in economy.macro.values())] for m in range(MONTHS)],
    )
    return len(series)


def write_texts(path: Path, items: Sequence[Item], each: int, rng: np.random.Generator) -> int:
    """Past rulings, `each` different ones for each item, with made-up references and days in the past."""
    rows: list[Row] = []
    for item in items:
        seen: set[str] = set()
        for _ in range(each * 6):
            wording = describe(item, rng)
            if wording.name not in seen:
                seen.add(wording.name)
                day = _RULED_FROM + dt.timedelta(days=len(rows) * 41 % _RULED_DAYS)  # spread, without a draw
                reference = f"W{day:%Y}-{len(rows) + 1:05d}"
                rows.append((item.hsk.digits, wording.name, wording.description, reference, day))
            if len(seen) == each:
                break
    write_csv(path, ("hsk", "name", "description", "reference", "decision_date"), rows)
    return len(rows)


def write_rates(path: Path, items: Sequence[Item]) -> None:
    """The base rate of each item, in the columns of the published table."""
    rows = [(item.hsk.digits, "A", f"{item.duty:g}", "20120101", "20991231") for item in items]
    write_csv(path, ("품목번호", "관세율구분", "관세율", "적용개시일", "적용만료일"), sorted(rows))


def write_json(path: Path, value: object) -> None:
    """Indented JSON in a fixed order."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
