"""Opening files of unknown quality: encodings, workbooks, line numbers, hostile input."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customs.errors import InvalidConfig, UnreadableFile
from customs.readers import macro
from customs.readers.sheet import Columns, Sheet, open_sheet

KNOWN = Columns({"name": ("이름",), "note": ("비고",)}, required=("name",))


def rows(sheet: Sheet, *ours: str) -> list[tuple[str, ...]]:
    return list(zip(*(sheet.texts(name) or () for name in ours), strict=True))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
def test_korean_text_is_read_in_each_usual_encoding(encoding: str) -> None:
    """A byte-order mark does not stick to the first header."""
    sheet = open_sheet("이름,비고\n고등어,냉동\n".encode(encoding), KNOWN)
    assert rows(sheet, "name", "note") == [("고등어", "냉동")]
    assert ("CP949" if encoding == "cp949" else "UTF-8") in sheet.notes[0]


def test_a_quoted_newline_keeps_the_line_numbers_right() -> None:
    """A complaint names the line that an editor shows."""
    sheet = open_sheet(b'name,note\na,"one\ntwo"\n\nb,"say ""hi"", ok"\r\nc,\n', KNOWN)
    assert list(sheet.lines) == [2, 5, 6]
    assert rows(sheet, "name", "note") == [("a", "one\ntwo"), ("b", 'say "hi", ok'), ("c", "")]


def test_rows_of_another_width_are_marked_and_not_lost() -> None:
    """Each says how many fields it has; empty ones too many are cut."""
    sheet = open_sheet(b"name,note\na\nb,1,2\nc,3,,\nd,4\n", KNOWN)
    assert sheet.ragged == {0: "it has 1 fields, the header has 2", 1: "it has 3 fields, the header has 2"}
    assert sheet.trimmed == {2}
    assert len(sheet) == 4


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_seen_from_the_header(delimiter: str) -> None:
    """Spreadsheets write semicolons and tabs, too."""
    sheet = open_sheet(f"name{delimiter}note\na{delimiter}b\n".encode(), KNOWN)
    assert rows(sheet, "name", "note") == [("a", "b")]


def test_a_title_above_the_header_is_passed_over_and_told() -> None:
    """Downloads of official statistics begin with a title and a date."""
    sheet = open_sheet("수출입 현황\n조회일,2025-01-01\n\n이름,비고\n고등어,x\n".encode("cp949"), KNOWN)
    assert rows(sheet, "name") == [("고등어",)]
    assert list(sheet.lines) == [5]
    assert any("line 4" in note for note in sheet.notes)


def test_a_workbook_gives_codes_and_dates_as_text() -> None:
    """The first sheet with content counts; whole floats lose their point, dates are ISO."""
    import datetime as dt

    book = openpyxl.Workbook()
    sheet = book.create_sheet("자료")
    sheet.append(["이름", "비고"])
    sheet.append(["0303", 303670000.0])
    sheet.append([None, None])
    sheet.append(["x", dt.datetime(2024, 4, 1)])
    sheet.append(["y"])
    data = io.BytesIO()
    book.save(data)
    read = open_sheet(data.getvalue(), KNOWN)
    assert rows(read, "name", "note") == [("0303", "303670000"), ("x", "2024-04-01"), ("y", "")]
    assert list(read.lines) == [2, 4, 5]
    assert not read.ragged


def test_a_users_own_header_replaces_the_known_ones() -> None:
    """With a mapping only that column counts."""
    sheet = open_sheet(b"name,other\na,b\n", KNOWN, mapping={"name": "other"})
    assert rows(sheet, "name") == [("b",)]
    with pytest.raises(InvalidConfig, match="choose from name, note"):
        open_sheet(b"name,other\na,b\n", KNOWN, mapping={"price": "other"})


def zip_of(members: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return data.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\r\n \n", "is empty"),
        (b"name,note\n", "a header and no rows"),
        (b"x,y\n1,2\n", "lacks the column name"),
        (b"name,name\n1,2\n", "more than once"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "a PNG picture"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"name\n\x00\x01\x02\n", "a binary file"),
        (b"\xff\xfen\x00a\x00", "UTF-16"),
        (b"name,note\nok,1\n\xff\xfe\xfa,2\n", r"neither UTF-8 nor CP949 text \(first seen on line 3\)"),
        (b'name,note\na,1\nb,"never closed\nc,2\n', "opens on line 3 is never closed"),
        (b"name,note\na," + b"x" * 200_000 + b"\n", "line 2: field larger"),
        (b"PK\x03\x04 not really", "not an XLSX workbook"),
        (zip_of({"a.txt": b"hello"}), "not an XLSX workbook"),
        (b"PAR1 not really PAR1", "not a parquet file"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_error(data: bytes, said: str) -> None:
    """What is wrong and what to do, never a traceback of a parser."""
    with pytest.raises(UnreadableFile, match=said) as caught:
        open_sheet(data, KNOWN)
    assert caught.value.problems[0].remedy
    assert caught.value.problems[0].field


def test_a_small_workbook_that_unpacks_to_a_giant_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The claimed size is checked before anything is unpacked."""
    from customs.readers import rows as formats

    monkeypatch.setattr(formats, "MAX_UNPACKED", 1000)
    with pytest.raises(UnreadableFile, match="unpacks to more"):
        open_sheet(zip_of({"xl/workbook.xml": bytes(2000)}), KNOWN)


@pytest.mark.parametrize("path", ["nowhere.csv", ".", "a\x00b.csv"])
def test_a_path_that_is_no_file_is_one_clear_error(path: str) -> None:
    """Missing, a folder, or no path at all."""
    with pytest.raises(UnreadableFile):
        open_sheet(Path(path), KNOWN)


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_no_bytes_whatever_raise_anything_but_a_clear_error(data: bytes) -> None:
    """Any file either reads or says why not."""
    try:
        macro.read(b"month,a\n" + data)
    except UnreadableFile:
        return


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), min_size=1, max_size=8))
@settings(max_examples=100, deadline=None)
def test_what_a_csv_writer_wrote_comes_back_unchanged(written: list[tuple[str, str]]) -> None:
    """Quotes, newlines and delimiters inside fields survive."""
    import csv

    clean = [tuple(t.replace("\x00", "").replace("\r", "") for t in row) for row in written]
    clean = [row for row in clean if all(t.isprintable() or t == "\n" for t in row)]
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([("name", "note"), *clean, ("end", "end")])
    try:
        data = out.getvalue().encode()
    except UnicodeEncodeError:
        return
    assert rows(open_sheet(data, KNOWN), "name", "note") == [*clean, ("end", "end")]
