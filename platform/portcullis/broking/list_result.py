"""What became of a list: its own columns with codes beside them, or the lines of `portcullis suggest`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from portcullis.broking.list_desk import ListDesk
from portcullis.store.goods_lists import GoodsList

MARK = "\ufeff"  # spreadsheets take a CSV file for UTF-8 only if it begins so
COLUMNS = (
    "row",
    "code",
    "probability",
    "wording_ko",
    "wording_en",
    "code_2",
    "probability_2",
    "code_3",
    "probability_3",
    "set",
    "ruling",
    "ruling_code",
    "refused",
    "questions",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ROWS = 200  # written together


def result_csv(desk: ListDesk, found: GoodsList) -> Iterator[str]:
    """CSV in pieces; a text that a spreadsheet would take for a formula gets an apostrophe.

    Codes are written with their dots and dash, so that no spreadsheet takes them for numbers.
    """
    file = desk.file(found)
    width = len(file.header)
    out = io.StringIO()
    writer = csv.writer(out)
    out.write(MARK)
    writer.writerow([*map(_cell, file.header), *COLUMNS])
    for at, (fields, (number, _, answer)) in enumerate(
        zip(file.rows(), desk.lists.answers(found), strict=False)
    ):
        own = (fields + [""] * width)[:width]
        writer.writerow([*map(_cell, own), number, *map(_cell, cells(answer))])
        if at % _ROWS == 0:
            yield _taken(out)
    yield _taken(out)


def result_jsonl(desk: ListDesk, found: GoodsList) -> Iterator[str]:
    """A JSON line for each answered row."""
    for number, _, answer in desk.lists.answers(found):
        yield json.dumps({"row": number, **answer}, ensure_ascii=False) + "\n"


def cells(answer: dict[str, Any]) -> list[str]:
    """The cells of an answer behind `row`, in the order of `COLUMNS`."""
    from customs.hs import HsCode

    refused = answer["refused"]
    likely = answer["levels"].get("10", ())
    pairs = [(str(HsCode(one["code"])), f"{one['probability']:.4f}") for one in likely[:3]]
    pairs += [("", "")] * (3 - len(pairs))
    official = answer["official"].get(likely[0]["code"]) if likely else None
    leaf = official["path"][-1] if official else {"ko": "", "en": ""}
    near = answer["rulings"][0] if answer["rulings"] else None
    return [
        *pairs[0],
        leaf["ko"],
        leaf["en"],
        *pairs[1],
        *pairs[2],
        " ".join(str(HsCode(code)) for code in answer["set"]),
        near["text"] if near else "",
        str(HsCode(near["code"])) if near else "",
        refused["reason"] if refused else "",
        " ".join(refused["questions"]) if refused else "",
    ]


def _cell(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA) else value


def _taken(out: io.StringIO) -> str:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text
