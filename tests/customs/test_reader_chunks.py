"""Declarations read in chunks: the same answer as read at once, in memory that the file does not set."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from customs.errors import InvalidConfig, UnreadableFile
from customs.readers import Read, declarations, source, total
from customs.readers.report import KEPT, OTHER, Remark, RepairReport, Tally

TODAY = dt.date(2025, 6, 30)
HEADER = (
    "Declaration ID,Date,Office ID,Mode of Transport,Importer ID,Seller ID,HS10 Code,"
    "Country of Departure,Country of Origin,Tax Rate,Net Mass,Item Price,Fraud"
)


def line(number: int | str, **changes: str) -> str:
    fields = {
        "id": str(number),
        **{"date": "2024-04-30", "office": "30", "mode": "10", "importer": "I1", "seller": ""},
        **{"hs": "0303670000", "departure": "NA", "origin": "RU", "rate": "8.0"},
        **{"mass": f"{number}.5", "price": "372254.40", "fraud": "1"},
        **changes,
    }
    return ",".join(fields.values())


# A row of each kind: right, repaired, refused, ragged, with a line break inside, repeated near and far.
ROWS = [
    line(0),
    line(1, hs="303670000"),
    line(2, origin="ZZ", mass='"1,234.5"'),
    line(3, seller='"two\nlines, one field"'),
    line(4, date="2025-07-01"),
    line(5) + ",",
    line(6) + ",7",
    "8,too,short",
    "",
    line(0, importer="한국수산"),
    line(9, price="-1"),
    line(10, departure="", fraud="", rate=""),
    line(4),
    line(3),
    line(11, mass="1e5", price='"1,000"'),
]
GOOD = ["0", "1", "2", "3", "5", "10", "4", "11"]
CSV = "\n".join([HEADER, *ROWS, ""])
FIELDS = list(csv.reader(io.StringIO(CSV)))


def separated_by(delimiter: str) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(FIELDS)
    return out.getvalue().encode()


def parquet_of(rows: list[list[str]]) -> bytes:
    out = io.BytesIO()
    pd.DataFrame(rows, columns=FIELDS[0]).to_parquet(out, row_group_size=4)
    return out.getvalue()


def workbook() -> bytes:
    book = openpyxl.Workbook()
    for row in FIELDS:
        book.worksheets[0].append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


PARQUET = parquet_of([row for row in FIELDS[1:] if len(row) == len(FIELDS[0])])


def json_of(number: int, lines: int = 1, **changes: object) -> str:
    item = {"hsk": "0303670000", "name": "냉동 명태", "net_kg": number, "value": "31200.10 USD"}
    head = {"id": f"D{number}", "date": "2025-03-02", "origin": "RU", "importer": "가나수산"}
    return json.dumps({**head, "lines": [item] * lines, **changes}, ensure_ascii=False)


JSONL = "\n".join(
    [
        *("", json_of(1, 3), "{broken", json_of(2), json_of(3, origin="QQ"), json_of(1), "  "),
        *(json_of(4, date="2026-01-01"), json_of(5, 2), json_of(2), json_of(6, name="x")),
    ]
)

FORMS = {
    "UTF-8": CSV.encode(),
    "UTF-8 with a byte-order mark": CSV.encode("utf-8-sig"),
    "CP949": CSV.encode("cp949"),
    "carriage returns": CSV.replace("\n", "\r\n").encode(),
    "semicolons": separated_by(";"),
    "tabs": separated_by("\t"),
    "a title above the header": ("수입신고\n\n" + CSV).encode(),
    "no line break at the end": CSV.rstrip("\n").encode(),
    "XLSX": workbook(),
    "parquet": PARQUET,
    "JSON lines": JSONL.encode(),
}


def joined(parts: list[Read]) -> pd.DataFrame:
    return pd.concat([part.table for part in parts], ignore_index=True)


def chunked(data: bytes | Path, rows: int) -> list[Read]:
    return list(declarations.chunks(data, rows=rows, today=TODAY))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rows", [2, 5])
def test_chunks_joined_are_what_is_read_at_once(form: str, rows: int) -> None:
    """Table, types and report, wherever the file is cut."""
    whole = declarations.read(FORMS[form], today=TODAY)
    parts = chunked(FORMS[form], rows)
    pd.testing.assert_frame_equal(joined(parts), whole.table)
    assert total(part.report for part in parts) == whole.report
    assert whole.report.rows_refused > 2
    for part in parts:
        assert part.table.dtypes.equals(whole.table.dtypes)
        assert part.table.index.equals(pd.RangeIndex(len(part.table)))
        assert part.report.rows_read <= rows
    if form != "JSON lines":
        assert set(whole.table["declaration_id"]) <= set(GOOD)


def test_a_mixed_file_is_read_as_it_stands() -> None:
    """What was kept, and each refusal with its line and reason."""
    parts = chunked(FORMS["UTF-8"], 4)
    whole = total(part.report for part in parts)
    assert joined(parts)["declaration_id"].tolist() == GOOD
    assert joined(parts)["seller"].dropna().tolist() == ["two\nlines, one field"]
    assert (whole.rows_read, whole.rows_repaired, whole.rows_refused) == (14, 4, 6)
    assert {r.line: (r.field, r.got) for r in whole.remarks if r.refused} == {
        7: ("date", "2025-07-01"),
        9: ("row", line(6)),
        10: ("row", "8,too,short" + "," * 10),
        12: ("declaration_id", "0 as on line 2"),
        13: ("value", "-1"),
        16: ("declaration_id", "3 as on line 5"),
    }


def test_rows_are_numbered_as_in_the_file() -> None:
    """From 0; refused ones are counted, blank lines are not; all lines of a declaration share a number."""
    assert joined(chunked(FORMS["UTF-8"], 4))["row"].tolist() == [0, 1, 2, 3, 5, 10, 11, 13]
    table = joined(chunked(FORMS["JSON lines"], 2))
    assert table["row"].tolist() == [0, 0, 0, 2, 6, 6]
    assert table["line"].tolist() == [1, 2, 3, 1, 1, 2]


def test_each_report_counts_its_own_rows() -> None:
    """A chunk names the lines that an editor shows, in the first and in a later one."""
    reports = [part.report for part in chunked(FORMS["UTF-8"], 5)]
    assert [(r.rows_read, r.rows_repaired, r.rows_refused) for r in reports] == [
        (5, 2, 1),
        (5, 1, 4),
        (4, 1, 1),
    ]
    assert [[r.line for r in report.remarks if r.refused] for report in reports] == [
        [7],
        [9, 10, 12, 13],
        [16],
    ]
    assert {report.notes for report in reports} == {("read as CSV in UTF-8",)}


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_repeated_id_is_refused_across_chunks(rows: int) -> None:
    """With the line of the first, whether of a table or of JSON lines; a refused row is no first."""
    table = "\n".join([HEADER, line(1), line(2, mass="x"), line(2), line(1), line(2)])
    said = total(part.report for part in chunked(table.encode(), rows)).remarks
    assert [(r.line, r.got) for r in said if "repeats" in r.reason] == [
        (5, "1 as on line 2"),
        (6, "2 as on line 4"),
    ]
    jsonl = "\n".join([json_of(1), json_of(2, origin="QQ"), json_of(2), json_of(1), json_of(2)])
    said = total(part.report for part in chunked(jsonl.encode(), rows)).remarks
    assert [(r.line, r.got) for r in said if "repeats" in r.reason] == [
        (4, "D1 as on line 1"),
        (5, "D2 as on line 3"),
    ]


def test_declarations_of_many_lines_end_a_chunk_early() -> None:
    """The table is what takes memory, so its rows are counted, too."""
    jsonl = "\n".join(json_of(n, lines=4) for n in range(5))
    assert [len(part.table) for part in chunked(jsonl.encode(), 6)] == [8, 8, 4]


@pytest.mark.parametrize("rows", [1, 2, 100])
@pytest.mark.parametrize(
    ("ends", "repaired"),
    [([",", ",", ","], 0), ([",", ",", ""], 2), (["", ",", ","], 2), ([",", ",", ",x"], 2)],
)
def test_a_comma_behind_every_row_is_the_writers_habit(rows: int, ends: list[str], repaired: int) -> None:
    """What all rows of the file do is no repair, though a chunk sees only some of them."""
    data = "\n".join([HEADER, *(line(n) + end for n, end in enumerate(ends))])
    assert sum(part.report.rows_repaired for part in chunked(data.encode(), rows)) == repaired


def test_the_first_chunk_comes_before_the_last_line_is_looked_at(tmp_path: Path) -> None:
    """A quotation mark that is never closed is one clear error, told when it is reached."""
    path = tmp_path / "open.csv"
    path.write_text("\n".join([HEADER, *(line(n) for n in range(30)), 'x,"never closed']))
    parts = declarations.chunks(path, rows=15, today=TODAY)
    assert next(parts).table["row"].tolist() == list(range(15))
    assert next(parts).table["row"].tolist() == list(range(15, 30))
    with pytest.raises(UnreadableFile, match="opens on line 32 is never closed"):
        next(parts)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\n \r\n" * 1000, "is empty"),
        (HEADER.encode(), "a header and no rows"),
        (b"a,b\n1,2\n", "lacks the columns declaration_id"),
        (CSV.encode() + b"\xff\xff", r"first seen on line 18\)"),
        (CSV.encode("cp949") + b"\xff\xff", r"first seen on line 18\)"),
        (CSV.encode() + "한".encode()[:2], r"first seen on line 18\)"),
        (CSV.encode() + b"\x00", "is a binary file"),
        (JSONL.encode() + b"\n\n\xff\xff", r"first seen on line 13\)"),
        (b"PAR1 not really PAR1", "not a parquet file"),
        (parquet_of([]), "has no rows"),
    ],
)
@pytest.mark.parametrize("block", [7, 1 << 20])
def test_a_fault_of_the_file_is_told_before_the_first_chunk(
    data: bytes, said: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above all a wrong byte at the end, whichever the encoding and wherever the blocks are cut."""
    monkeypatch.setattr(source, "BLOCK", block)
    with pytest.raises(UnreadableFile, match=said) as caught:
        next(declarations.chunks(data, rows=1, today=TODAY))
    assert caught.value.problems[0].remedy


def test_a_damaged_page_of_a_parquet_file_is_one_clear_error() -> None:
    """The end of the file, which tells its columns, is whole."""
    quarter = len(PARQUET) // 4
    data = PARQUET[:4] + bytes(quarter) + PARQUET[4 + quarter :]
    with pytest.raises(UnreadableFile, match="not a parquet file"):
        chunked(data, 100)


def test_a_mapping_holds_for_every_chunk() -> None:
    """A user's own header; a column that does not exist here is refused."""
    data = CSV.replace("Importer ID", "Buyer").encode()
    parts = list(declarations.chunks(data, {"importer": "Buyer"}, rows=4, today=TODAY))
    assert joined(parts)["importer"].unique().tolist() == ["I1"]
    with pytest.raises(InvalidConfig, match="no column 'buyer'"):
        next(declarations.chunks(data, {"buyer": "Buyer"}))


def test_a_chunk_has_rows() -> None:
    """None at a time would never end."""
    with pytest.raises(InvalidConfig, match="got 0 rows"):
        chunked(FORMS["UTF-8"], 0)


def test_a_file_without_line_breaks_is_not_held_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line has a limit, and the error names it."""
    monkeypatch.setattr(source, "MAX_LINE", 1000)
    with pytest.raises(UnreadableFile, match="line 3 has more than 1,000 characters"):
        chunked(f"{HEADER}\n{line(1)}\n{'x' * 2000}".encode(), 10)


def test_only_what_is_held_whole_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`read` answers one table; chunks may be of any file but a workbook."""
    monkeypatch.setattr(source, "MAX_BYTES", 100)
    for name in ("UTF-8", "parquet", "JSON lines", "XLSX"):
        path = tmp_path / name
        path.write_bytes(FORMS[name])
        with pytest.raises(UnreadableFile, match="larger than 2 GiB"):
            declarations.read(path, today=TODAY)
        if name == "XLSX":
            with pytest.raises(UnreadableFile, match="larger than 2 GiB"):
                chunked(path, 3)
        else:
            assert len(chunked(path, 3)) > 1


def test_a_pipe_is_read_though_it_can_be_read_only_once() -> None:
    """Such as `/dev/stdin`."""
    begin, end = os.pipe()
    os.write(end, FORMS["CP949"])
    os.close(end)
    try:
        assert joined(chunked(Path(f"/dev/fd/{begin}"), 3))["declaration_id"].tolist() == GOOD
    finally:
        os.close(begin)


def peak_bytes(parts: Iterator[Read]) -> int:
    tracemalloc.start()
    try:
        for _ in parts:
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("write", [line, json_of])
def test_memory_does_not_grow_with_the_file(write: Callable[[int], str], tmp_path: Path) -> None:
    """Four times the rows take little more than the ids seen."""
    peaks = []
    for count in (200, 800):
        path = tmp_path / f"{count}"
        head = [HEADER] if write is line else []
        path.write_text("\n".join([*head, *(write(n) for n in range(count))]))
        next(declarations.chunks(path, rows=50, today=TODAY))  # what is made only once
        peaks.append(peak_bytes(declarations.chunks(path, rows=50, today=TODAY)))
    assert peaks[1] - peaks[0] < 600 * 250


def test_a_total_keeps_the_first_remarks_of_each_reason() -> None:
    """Counts stay whole; of too many reasons the later ones are counted together."""

    def report(lines: range, reason: Callable[[int], str]) -> RepairReport:
        tally = Tally()
        for number in lines:
            tally.add(Remark(number, "f", "x", reason(number), refused=True))
        return RepairReport("a", len(lines), 0, len(lines), tally.remarks(), dict(tally.reasons), ("n",))

    same = total(report(range(n, n + 600), lambda _: "r") for n in (1, 601, 1201))
    assert (same.rows_read, same.rows_refused, same.reasons) == (1800, 1800, {"f: r": 1800})
    assert [r.line for r in same.remarks] == list(range(1, KEPT + 1))
    assert same.notes == ("n",)
    other = total(report(range(n, n + 600), lambda line: f"r{line}") for n in (1, 601))
    assert other.reasons[OTHER] == 200
    assert sum(other.reasons.values()) == 1200
    assert len(other.remarks) == KEPT
