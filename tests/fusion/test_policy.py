"""The policy file."""

from pathlib import Path

import pytest

from customs import InvalidConfig
from fusion import Policy

GOOD = """
[bands]
watch = 1.0
high = 2.0
critical = 3.0
[findings]
note = 1.0
warning = 2.0
alarm = 3.0
[combine]
cap = 0.9
[weights]
"hs.text" = 0.5
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("surprise", "band", "severity"),
    [
        (0.0, "clear", None),
        (1.0, "watch", "note"),
        (1.99, "watch", "note"),
        (2.0, "high", "warning"),
        (9, "critical", "alarm"),
    ],
)
def test_thresholds_are_inclusive(tmp_path: Path, surprise: float, band: str, severity: str | None) -> None:
    policy = Policy.read(write(tmp_path, GOOD))
    assert policy.band(surprise) == band
    assert policy.severity(surprise) == severity


def test_weights_default_to_one(tmp_path: Path) -> None:
    policy = Policy.read(write(tmp_path, GOOD))
    assert policy.shares(["hs.text", "xray.mass"]) == [0.5, 1.0]


def test_an_echo_has_its_own_weight_beside_what_it_echoes_and_that_ones_weight_without_it(
    tmp_path: Path,
) -> None:
    echo = '[echoes]\n"xray.mass" = "hs.text"\n'
    policy = Policy.read(write(tmp_path, echo + GOOD + '"xray.mass" = 0.1\n'))
    assert policy.shares(["hs.text", "xray.mass"]) == [0.5, 0.1]
    assert policy.shares(["xray.mass", "price.unit_value"]) == [0.5, 1.0]


def test_a_ceiling_holds_a_check_and_no_other(tmp_path: Path) -> None:
    policy = Policy.read(write(tmp_path, GOOD + '[ceilings]\n"hs.text" = "note"\n'))
    assert policy.severity(9.0, "hs.text") == "note"
    assert policy.severity(0.5, "hs.text") is None
    assert policy.severity(9.0, "xray.mass") == "alarm"


def test_the_policy_that_ships_speaks_of_checks_that_there_are() -> None:
    """A name misspelt would silently weigh one."""
    from customs.sentences import catalogue

    policy = Policy.default()
    named = {*policy.weights, *policy.echoes, *policy.echoes.values(), *policy.ceilings}
    assert named
    assert {f"check.{check}" for check in named} <= set(catalogue())
    assert set(policy.echoes) <= set(policy.weights)


def test_another_threshold_is_another_version(tmp_path: Path) -> None:
    first = Policy.read(write(tmp_path, GOOD)).version
    assert Policy.read(write(tmp_path, GOOD.replace("high = 2.0", "high = 2.1"))).version != first


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("high = 2.0", "high = 0.5", "policy.bands"),
        ("high = 2.0", 'high = "two"', "policy.bands.high"),
        ("high = 2.0", "", "policy.bands.high"),
        ("alarm = 3.0", "alarm = 3.0\nterror = 4.0", "policy.findings"),
        ("cap = 0.9", "cap = 1.5", "policy.combine.cap"),
        ('"hs.text" = 0.5', '"hs.text" = 0', "policy.weights.hs.text"),
        ("[weights]", '[echoes]\n"a" = "a"\n[weights]', "policy.echoes.a"),
        ("[weights]", '[echoes]\n"a" = 3\n[weights]', "policy.echoes.a"),
        ("[weights]", '[echoes]\n"a" = "b"\n"b" = "c"\n[weights]', "policy.echoes.a"),
        ("[weights]", '[ceilings]\n"a" = "terror"\n[weights]', "policy.ceilings.a"),
        ("[weights]", "[wheights]", "policy"),
        ("[bands]", "[bands", "policy"),
    ],
)
def test_a_wrong_policy_names_the_key(tmp_path: Path, old: str, new: str, field: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        Policy.read(write(tmp_path, GOOD.replace(old, new)))
    assert caught.value.problems[0].field == field
