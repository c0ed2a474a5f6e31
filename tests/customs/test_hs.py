"""HS codes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customs import HsCode, InvalidValue

DIGITS = (
    st.sampled_from((2, 4, 6, 8, 10))
    .flatmap(lambda n: st.from_regex(rf"(0[1-9]|[1-6]\d|7[0-689]|[89]\d)\d{{{n - 2}}}", fullmatch=True))
    .filter(str.isascii)
)


@given(DIGITS)
def test_the_written_form_reads_back_as_the_same_code(digits: str) -> None:
    code = HsCode(digits)
    assert HsCode.parse(str(code)) == code


@given(DIGITS)
def test_every_parent_covers_its_code(digits: str) -> None:
    code = HsCode(digits)
    assert all(parent.covers(code) and parent.level < code.level for parent in code.parents)
    assert code.backoff()[0] == digits
    assert code.backoff()[-1] == "all"


@pytest.mark.parametrize(
    "text", ["", "030367000", "0", "12345678901", "0303.67-000O", "7700", "0000", "٠٣٠٣", "0303\n67"]
)
def test_what_is_no_code_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        HsCode.parse(text)
    assert caught.value.problems[0].field == "hs"
    assert caught.value.problems[0].remedy


def test_statistics_get_one_lost_zero_back_and_nothing_else_is_padded() -> None:
    assert HsCode.from_statistics("303670000") == HsCode("0303670000")
    for short in ("30367000", "3036", "30367"):
        if len(short) in (4, 8):
            assert HsCode.from_statistics(short).digits == short
        else:
            with pytest.raises(InvalidValue):
                HsCode.from_statistics(short)


def test_a_code_cannot_be_cut_deeper_than_it_is() -> None:
    with pytest.raises(InvalidValue, match="no 6-digit level"):
        _ = HsCode("0303").subheading
