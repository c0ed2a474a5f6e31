"""The catalogue of sentences."""

import re
from pathlib import Path

import pytest

from customs.sentences import LANGUAGES, catalogue, placeholders

ROOT = Path(__file__).parents[2]
# A value followed by a particle whose form depends on the value's last sound.
PARTICLE = re.compile(r"\}\s?(을|를|은|는|이|가|과|와|으로)(\s|$|,)")


@pytest.mark.parametrize("name", sorted(catalogue()))
def test_both_languages_say_the_same_values(name: str) -> None:
    entry = catalogue()[name]
    assert set(entry) == set(LANGUAGES)
    assert placeholders(entry["ko"]) == placeholders(entry["en"])
    assert re.search("[가-힣]", entry["ko"])
    assert not re.search("[가-힣]", entry["en"])


@pytest.mark.parametrize("name", sorted(catalogue()))
def test_no_korean_particle_hangs_on_a_value(name: str) -> None:
    assert not PARTICLE.search(catalogue()[name]["ko"])


def test_every_sentence_that_the_code_names_exists() -> None:
    named: set[str] = set()
    for folder in ("tabular_ae", "hs_classifier", "xray_encoder", "fusion"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            named |= set(re.findall(r'Message\(\s*id="([^"]+)"', text))
            named |= set(re.findall(r'abstain\(\s*[^,]+,\s*[^,]+,\s*"([^"]+)"', text))
    assert named
    assert named <= set(catalogue())
