"""The official wording beside codes."""

from pathlib import Path

from customs import HsCode
from customs.readers import hsk
from portcullis.store import open_store
from portcullis.store.intake import store
from portcullis.store.tariff import Tariff

TABLE = (
    "HS부호,적용시작일자,적용종료일자,한글품목명,영문품목명\n"
    "0303670000,20120101,20161231,명태,Alaska pollack\n"
    "0303670000,20170101,20991231,명태(냉동),Alaska pollock\n"
)


def test_a_code_is_worded_by_its_latest_validity_in_each_language_and_never_by_guess(tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path / 'store.sqlite3'}")
    data = TABLE.encode()
    store(engine, "hsk", hsk.read(data), file="hsk.csv", data=data)
    code, unknown = HsCode("0303670000"), HsCode("0303")
    tariff = Tariff(engine)
    assert tariff.wording([code, unknown], "ko") == {code: "명태(냉동)"}
    assert tariff.wording([code, unknown], "en") == {code: "Alaska pollock"}
    assert tariff.wording([], "en") == {}
    engine.dispose()
