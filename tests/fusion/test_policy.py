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
    assert (policy.weight("hs.text"), policy.weight("xray.mass")) == (0.5, 1.0)


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
        ("[weights]", "[wheights]", "policy"),
        ("[bands]", "[bands", "policy"),
    ],
)
def test_a_wrong_policy_names_the_key(tmp_path: Path, old: str, new: str, field: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        Policy.read(write(tmp_path, GOOD.replace(old, new)))
    assert caught.value.problems[0].field == field
