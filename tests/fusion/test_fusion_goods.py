"""What the goods most likely are, source by source; and when description and photo contradict each other."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from customs import Alternative, Evidence, HsCode, Message, Reference
from customs.sentences import LANGUAGES, render
from fusion import Policy, assess, candidates
from fusion.findings import find
from fusion.goods import SOURCES, weigh

POLICY = Policy.default()
FISH, TYRE = HsCode("0303670000"), HsCode("4011100000")


def evidence(check: str, p: float, *others: tuple[str | None, float]) -> Evidence:
    """Evidence of a p-value, its surprise to match, with codes that fit better."""
    import math

    return Evidence(
        check=check,
        subject="D1/1",
        p_value=p,
        surprise=-math.log10(p),
        reference=Reference(group="0303", size=10_000),
        alternatives=tuple(
            Alternative(hs=None if c is None else HsCode(c), probability=share) for c, share in others
        ),
        message=Message(id="band.unknown"),
    )


@pytest.mark.parametrize(
    ("text", "photo", "kinds", "says", "shows"),
    [
        # the photo is odd and the text fits: the text says what was declared
        (("hs.text", 0.5), ("hs.photo", 0.001, ("401110", 0.9)), ["mismatch.text_photo"], "0303", "4011"),
        # the other way round
        (("hs.text", 0.001, ("401110", 0.9)), ("hs.photo", 0.5), ["mismatch.text_photo"], "4011", "0303"),
        # both odd, of one mind: the code is wrong, but they do not contradict each other
        (
            ("hs.text", 0.001, ("4011100000", 0.9)),
            ("hs.photo", 0.001, ("4011", 0.9)),
            ["hs.text", "hs.photo"],
            None,
            None,
        ),
        # both odd, each pointing elsewhere
        (
            ("hs.text", 0.001, ("870899", 0.9)),
            ("hs.photo", 0.001, ("401110", 0.9)),
            ["mismatch.text_photo"],
            "8708",
            "4011",
        ),
        # nothing is odd
        (("hs.text", 0.5, ("401110", 0.9)), ("hs.photo", 0.5, ("870899", 0.9)), [], None, None),
        # odd, but it names nothing else
        (("hs.text", 0.5), ("hs.photo", 0.001), ["hs.photo"], None, None),
        # odd, and nearest to another code of the declared heading
        (("hs.text", 0.5), ("hs.photo", 0.001, ("0303540000", 0.9)), ["hs.photo"], None, None),
    ],
    ids=["photo odd", "text odd", "one mind", "both elsewhere", "nothing", "no idea", "within the heading"],
)
def test_text_and_photo_contradict_each_other_where_they_point_to_two_headings(
    text: tuple, photo: tuple, kinds: list[str], says: str | None, shows: str | None
) -> None:
    found = find([evidence(*text), evidence(*photo)], FISH, POLICY)
    assert sorted(f.kind for f in found) == sorted(kinds)
    if says is not None:
        (finding,) = found
        assert (finding.sentence.params["says"], finding.sentence.params["shows"]) == (says, shows)
        for language in LANGUAGES:
            sentence = render(finding.sentence, language)
            assert says in sentence
            assert shows in sentence
            assert render(finding.advice, language)


def test_a_contradiction_takes_the_place_of_the_checks_it_rests_on_and_names_other_codes() -> None:
    """Text and photo seen together are the photo's echo: no finding of their own."""
    odd = evidence("hs.photo", 0.0001, ("401110", 0.6), ("401120", 0.3), ("870899", 0.1))
    (finding,) = find([evidence("hs.text", 0.5), odd, evidence("hs.joint", 0.001)], FISH, POLICY)
    assert finding.kind == "mismatch.text_photo"
    assert finding.evidence == ("hs.photo", "hs.joint")
    assert finding.severity == "alarm"
    assert [a.hs for a in finding.alternatives] == [HsCode("401110"), HsCode("401120")]


@pytest.mark.parametrize("missing", ["hs.text", "hs.photo"])
def test_one_that_is_silent_contradicts_nothing(missing: str) -> None:
    there = evidence("hs.photo" if missing == "hs.text" else "hs.text", 0.001, ("401110", 0.9))
    silent = Evidence.abstain(missing, "D1/1", "band.unknown")
    assert [f.kind for f in find([there, silent], FISH, POLICY)] == [there.check]


def test_no_code_is_tried_where_nothing_speaks_against_the_declared_one() -> None:
    """However sure a source is of another, it is not odd; nor is a heavy weight a question of codes."""
    usual = evidence("hs.text", 0.3, ("401110", 0.9))
    assert candidates([usual], FISH, POLICY) == ()
    assert candidates([usual, evidence("xray.mass", 0.0001)], FISH, POLICY) == ()
    assert candidates([evidence("hs.text", 0.001, ("401110", 0.9))], None, POLICY) == ()


def test_codes_of_all_sources_are_tried_once_one_is_odd_the_likeliest_first() -> None:
    """Those below one in ten, an empty container, and the declared code's own parents are not."""
    scan = evidence("xray.packing", 0.001, ("4011", 0.5), (None, 0.3), ("0303", 0.2))
    text = evidence("hs.text", 0.5, ("870899", 0.15), ("640319", 0.05))
    assert candidates([scan, text], FISH, POLICY) == (HsCode("4011"), HsCode("870899"))


def test_the_deepest_code_stands_for_the_headings_above_it() -> None:
    scan = evidence("xray.packing", 0.001, ("4011", 0.9))
    text = evidence("hs.text", 0.5, ("4011100000", 0.2))
    assert candidates([scan, text], FISH, POLICY) == (TYRE,)


def test_a_code_within_the_declared_one_is_no_other_code() -> None:
    """Six digits may be declared where the text is read to ten."""
    text = evidence("hs.text", 0.001, ("0303670000", 0.6), ("0303540000", 0.2))
    assert candidates([text], HsCode("030367"), POLICY) == (HsCode("0303540000"),)


def test_at_most_three_codes_are_tried() -> None:
    many = evidence("hs.text", 0.001, *((f"87{n}0", 0.2) for n in range(1, 5)))
    assert len(candidates([many], FISH, POLICY)) == 3


def sources(**p: float) -> list[Evidence]:
    return [evidence(SOURCES[source], value) for source, value in p.items()]


def test_the_true_code_is_found_and_every_source_says_whose_side_it_takes() -> None:
    """Declared as fish: photo and scan see tyres, the text was made to fit, the price fits neither."""
    found = weigh(
        sources(text=0.6, photo=0.001, scan=0.0005, density=0.3, price=0.01),
        FISH,
        {
            TYRE: sources(text=0.02, photo=0.7, scan=0.4, density=0.5, price=0.03),
            HsCode("870899"): sources(text=0.001, photo=0.001, scan=0.001, density=0.001, price=0.001),
        },
    )
    assert found is not None
    assert found.code == TYRE
    assert 0.9 < found.probability <= 1
    assert found.sources("likely") == ("photo", "scan")
    assert found.sources("declared") == ("text",)
    assert found.sources("both") == ("density",)
    assert found.sources("neither") == ("price",)
    for stance in found.stances:
        for language in LANGUAGES:
            sentence = render(stance.sentence, language)
            assert str(FISH) in sentence
            assert str(TYRE) in sentence or stance.side == "declared"


def test_the_declared_code_may_fit_best_after_all() -> None:
    """Then the sources take its side or none."""
    found = weigh(sources(text=0.01, photo=0.5), FISH, {TYRE: sources(text=0.001, photo=0.001)})
    assert found is not None
    assert found.code == FISH
    assert found.probability > 0.5
    assert [s.side for s in found.stances] == ["against", "declared"]
    assert all(s.declared == s.likely for s in found.stances)


def test_a_source_that_is_silent_under_one_of_the_codes_takes_no_side() -> None:
    found = weigh(sources(text=0.01, scan=0.001), FISH, {TYRE: sources(text=0.5)})
    assert found is not None
    assert [s.source for s in found.stances] == ["text"]


def test_without_another_code_or_a_source_there_is_nothing_to_weigh() -> None:
    assert weigh(sources(text=0.01), FISH, {}) is None
    assert weigh(sources(text=0.01), None, {TYRE: sources(text=0.5)}) is None
    assert weigh(sources(text=0.01), FISH, {TYRE: sources(scan=0.5)}) is None


def test_a_p_value_of_nothing_weighs_as_much_as_one_in_a_million() -> None:
    """A single count must not decide against everything else."""
    all_but_sure = weigh(sources(text=1e-12), FISH, {TYRE: sources(text=0.5)})
    assert all_but_sure is not None
    assert all_but_sure.probability < 1 - 1e-6


def test_a_report_says_what_the_goods_are(make: SimpleNamespace) -> None:
    """And stays silent about it where no other code was tried."""
    mine = sources(text=0.6, photo=0.001)
    report = assess(
        mine,
        subject="D1/1",
        declared=FISH,
        policy=POLICY,
        instead={TYRE: sources(text=0.3, photo=0.7)},
    )
    assert report.goods is not None
    assert report.goods.code == TYRE
    assert assess(mine, subject="D1/1", declared=FISH, policy=POLICY).goods is None
