"""The proposal's autoencoders: columns, windows, scaling, training, scores."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import tabular_ae
from customs.config import load_config, make_config
from customs.errors import InvalidConfig
from tabular_ae.data import Panel, read_panel
from tabular_ae.history import History
from tabular_ae.macro import Macro
from tabular_ae.proposal.columns import Columns
from tabular_ae.proposal.config import ProposalConfig
from tabular_ae.proposal.grid import GRID
from tabular_ae.proposal.model import ProposalNetwork, new_network
from tabular_ae.proposal.scaling import Scaling
from tabular_ae.proposal.score import ProposalModel
from tabular_ae.proposal.windows import mixed, mixed_line, of_series
from tabular_ae.rows import Rows, month_number

CONFIGS = Path(tabular_ae.__file__).with_name("configs")
TOY = ProposalConfig(window=6, hidden=8, epochs=4, batch=64, learning_rate=5e-3)
NUMERIC = dataclasses.replace(TOY, numeric_only=True)


def rows(*lines: tuple[str, str, str, float, float, float]) -> Rows:
    """Rows from month, hs, country, value, weight, freight."""
    return Rows.of(
        pd.DataFrame(lines, columns=["month", "hs", "country", "value_usd", "weight_kg", "freight"])
    )


def macro_of(first: str, months: int) -> Macro:
    """Oil that rises by one dollar a month, and an exchange rate."""
    figures = np.stack([50.0 + np.arange(months), np.full(months, 1300.0)], axis=1)
    return Macro(("dubai_usd_bbl", "krw_per_usd"), month_number(first), figures)


@pytest.fixture(scope="module")
def split(panel: Panel) -> tuple[History, Rows, Rows]:
    """The clean panel's history, its first two years, the rest."""
    start = month_number("2023-01")
    early = panel.rows.take(panel.rows.month < start)
    return History(panel.rows), early, panel.rows.take(panel.rows.month >= start)


@pytest.fixture(scope="module")
def fitted(split: tuple[History, Rows, Rows]) -> Callable[[ProposalConfig], ProposalModel]:
    """Fits each configuration once."""
    made: dict[ProposalConfig, ProposalModel] = {}

    def fit(config: ProposalConfig) -> ProposalModel:
        if config not in made:
            made[config] = ProposalModel.fit(split[0], split[1], config, macro=macro_of("2021-01", 30))
        return made[config]

    return fit


# -- columns -------------------------------------------------------------------------------------------


def test_the_year_so_far_starts_anew_in_january_and_skips_missing_months() -> None:
    """November, January and March of a series, worked out by hand."""
    panel = rows(
        ("2020-11", "030367", "VN", 10.0, 1.0, np.nan),
        ("2021-01", "030367", "VN", 20.0, 2.0, np.nan),
        ("2021-03", "030367", "VN", 40.0, 4.0, np.nan),
        ("2021-04", "030367", "VN", 80.0, 8.0, np.nan),
    )
    history = History(panel)
    columns = Columns.choose(NUMERIC, panel, None)
    assert columns.names == ("weight", "value", "weight_of_year", "value_of_year", "unit_value")
    own = columns.of(history, panel)
    np.testing.assert_allclose(own[:, 2], [1.0, 2.0, 6.0, 14.0])
    np.testing.assert_allclose(own[:, 3], [10.0, 20.0, 60.0, 140.0])
    past = columns.past(history, panel.take(np.array([3])), 5)[0]
    np.testing.assert_allclose(past[:, 3], [10.0, np.nan, 20.0, np.nan, 60.0])


def test_the_year_goes_on_beyond_the_last_known_month() -> None:
    """A new month adds to what the year had, a new year or a new series starts from nothing."""
    known = rows(
        ("2021-01", "030367", "VN", 20.0, 2.0, np.nan), ("2021-03", "030367", "VN", 40.0, 4.0, np.nan)
    )
    new = rows(
        ("2021-07", "030367", "VN", 1.0, 1.0, np.nan),
        ("2022-01", "030367", "VN", 1.0, 1.0, np.nan),
        ("2021-07", "030367", "JP", 1.0, 1.0, np.nan),
    )
    columns = Columns.choose(NUMERIC, known, None)
    np.testing.assert_allclose(columns.of(History(known), new)[:, 3], [61.0, 1.0, 1.0])


def test_columns_follow_the_configuration_and_the_panel() -> None:
    """Freight and macro figures only where there are any, labels only where they are asked for."""
    panel = rows(("2021-03", "030367", "VN", 10.0, 5.0, 7.0), ("2021-04", "030367", "CN", 10.0, 5.0, np.nan))
    full = Columns.choose(TOY, panel, macro_of("2021-01", 6))
    assert full.names[5:] == ("freight", "dubai_usd_bbl", "krw_per_usd", "country")
    np.testing.assert_allclose(full.of(History(panel), panel)[:, 5:], [
        [7.0, 52.0, 1300.0, 1.0],
        [np.nan, 53.0, 1300.0, 0.0],
    ])  # fmt: skip
    without = Columns.choose(dataclasses.replace(NUMERIC, macro=False), panel, macro_of("2021-01", 6))
    assert without.names[5:] == ("freight",)


def test_a_macro_figure_that_is_not_out_yet_is_carried_for_three_months() -> None:
    """The last known oil price stands in, and after that nothing does."""
    panel = rows(*((f"2021-{m:02d}", "030367", "VN", 10.0, 5.0, np.nan) for m in (3, 6, 7)))
    columns = Columns.choose(NUMERIC, panel, macro_of("2021-01", 3))
    np.testing.assert_allclose(columns.of(History(panel), panel)[:, 5], [52.0, 52.0, np.nan])


def test_a_macro_figure_that_begins_after_the_training_months_is_left_out() -> None:
    """It could not be scaled, and its raw size would drown every other column later."""
    panel = rows(("2021-03", "030367", "VN", 10.0, 5.0, np.nan))
    late = Macro(("dubai_usd_bbl", "ppi"), month_number("2021-03"), np.array([[50.0, np.nan], [51.0, 100.0]]))
    assert Columns.choose(NUMERIC, panel, late).names[5:] == ("dubai_usd_bbl",)


# -- scaling -------------------------------------------------------------------------------------------


def test_scaling_is_that_of_the_textbook() -> None:
    """MinMax ends at 0 and 1, robust scaling puts the quartiles one apart about the median."""
    table = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0], [4.0, 5.0], [9.0, np.nan]])
    np.testing.assert_allclose(Scaling.fit("minmax", table)(table)[:, 0], [0.0, 0.125, 0.25, 0.375, 1.0])
    np.testing.assert_allclose(Scaling.fit("robust", table)(table)[:, 0], [-1.0, -0.5, 0.0, 0.5, 3.0])
    assert Scaling.fit("robust", table)(table)[:4, 1].tolist() == [0.0] * 4  # a constant column


# -- windows -------------------------------------------------------------------------------------------


def test_a_window_never_leaves_its_series(panel: Panel) -> None:
    """Another country's and another item's prices, however wild, change nothing in it."""
    history, mine = History(panel.rows), panel.rows.country == "VN"
    mine &= panel.rows.hs == "0303670000"
    wild = dataclasses.replace(panel.rows, value=np.where(mine, panel.rows.value, 1e9))
    columns = Columns.choose(TOY, panel.rows, None)
    some = panel.rows.take(mine)
    calm, loud = (of_series(columns, h, some, 6) for h in (history, History(wild)))
    np.testing.assert_array_equal(calm.x, loud.x)
    assert calm.label.tolist() == list(range(len(some)))


def test_a_window_never_sees_later_months(panel: Panel) -> None:
    """What comes after a row leaves its window as it was."""
    columns = Columns.choose(TOY, panel.rows, None)
    until = panel.rows.month <= month_number("2022-06")
    some = panel.rows.take(until)
    short, long = (of_series(columns, History(r), some, 6) for r in (some, panel.rows))
    np.testing.assert_array_equal(short.x, long.x)


def _interleaved() -> Rows:
    """Two items from two countries over three months; the value tells the row: 1…12, month by month."""
    cells = [(m, hs, c) for m in (1, 2, 3) for hs in ("030367", "030384") for c in ("CN", "VN")]
    return rows(*((f"2021-{m:02d}", hs, c, i + 1.0, 1.0, np.nan) for i, (m, hs, c) in enumerate(cells)))


def test_original_windows_mix_countries_and_book_the_error_to_a_wrong_row() -> None:
    """Windows of three over twelve rows: the labels are the first row's plus two, not the last row's."""
    panel = _interleaved()
    found = mixed(Columns.choose(NUMERIC, panel, None), History(panel), panel, 3)
    values = found.x[:, :, 1].tolist()
    assert values[:4] == [[1.0, 2.0, 5.0], [2.0, 5.0, 6.0], [5.0, 6.0, 9.0], [6.0, 9.0, 10.0]]  # 030367
    assert found.label.tolist() == [2, 3, 6, 7, 4, 5, 8, 9]
    assert found.end.tolist() == [4, 5, 8, 9, 6, 7, 10, 11]
    assert not (found.label == found.end).any()


def test_original_windows_do_not_depend_on_the_order_of_items_in_the_file() -> None:
    """The official files come month by month, whatever the order in which a panel lists its series."""
    panel = _interleaved()
    order = np.argsort(panel.hs.astype(str), kind="stable")
    columns = Columns.choose(NUMERIC, panel, None)
    month_by_month = mixed(columns, History(panel), panel, 3)
    by_item = mixed(columns, History(panel), panel.take(order), 3)
    np.testing.assert_array_equal(by_item.x[:, :, 1], month_by_month.x[:, :, 1])
    np.testing.assert_array_equal(order[by_item.label], month_by_month.label)


def test_original_windows_of_one_item_alone_are_labelled_rightly() -> None:
    """Where an item's rows lie next to each other, label and position agree, and the error does no harm."""
    panel = _interleaved()
    one = panel.take(panel.hs == "030384")
    found = mixed(Columns.choose(NUMERIC, one, None), History(one), one, 3)
    assert found.label.tolist() == found.end.tolist() == [2, 3, 4, 5]


def test_a_single_line_follows_the_last_rows_of_its_item() -> None:
    """Whatever their countries, months before its own only; a finer code finds its item, a new one none."""
    panel = _interleaved()
    lines = rows(
        ("2021-03", "0303670000", "JP", 99.0, 1.0, np.nan), ("2021-03", "160414", "JP", 1.0, 1.0, np.nan)
    )
    found = mixed_line(Columns.choose(NUMERIC, panel, None), History(panel), lines, 3)
    assert found.x[:, :, 1].tolist() == [[5.0, 6.0, 99.0]]
    assert found.label.tolist() == [0]


# -- network and training ------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [1, 6, 12])
@pytest.mark.parametrize(
    "change", [{}, {"bidirectional": True}, {"embedding": 4}, {"batch_norm": True}, {"dropout": 0.5}]
)
def test_every_variant_decodes_the_shape_it_encodes(window: int, change: dict[str, float]) -> None:
    """Toy batches through each network of the grid."""
    config = dataclasses.replace(TOY, window=window, **change)  # type: ignore[arg-type]
    network = new_network(config, 7, items=3, seed=0)
    x, item = torch.zeros(5, window, 7), torch.tensor([0, 1, 2, 3, 0])
    assert network(x, item, torch.Generator().manual_seed(0)).shape == (5, window, 7)


def test_the_embedding_tells_items_apart() -> None:
    """The same numbers under another code decode differently, and without an embedding they do not."""
    x, first, second = torch.ones(1, 6, 7), torch.tensor([1]), torch.tensor([2])
    for size, differ in ((4, True), (0, False)):
        network: ProposalNetwork = new_network(dataclasses.replace(TOY, embedding=size), 7, 3, 0)
        assert bool((network(x, first) != network(x, second)).any()) is differ


def test_dropout_works_in_training_alone_and_from_its_own_generator() -> None:
    """The global generator's state is untouched; without a generator nothing is dropped."""
    network = new_network(dataclasses.replace(TOY, dropout=0.5), 7, 3, 0)
    x, item = torch.ones(4, 6, 7), torch.zeros(4, dtype=torch.int64)
    before = torch.get_rng_state()
    with torch.no_grad():
        plain, again = network(x, item), network(x, item)
        dropped = network(x, item, torch.Generator().manual_seed(0))
    assert torch.equal(plain, again)
    assert not torch.equal(plain, dropped)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"window": 1},
        {"scaling": "robust"},
        {"embedding": 4},
        {"batch_norm": True, "batch": 479},  # leaves a batch of one row
        {"dropout": 0.2, "bidirectional": True},
        {"windows": "original"},
    ],
)
def test_training_lowers_the_loss(
    change: dict[str, float], fitted: Callable[[ProposalConfig], ProposalModel]
) -> None:
    """Each variant of the grid learns the toy panel."""
    losses = fitted(dataclasses.replace(TOY, **change)).losses  # type: ignore[arg-type]
    assert len(losses) == TOY.epochs
    assert losses[-1] < 0.95 * losses[0]


def test_the_same_seed_trains_the_same_network(split: tuple[History, Rows, Rows]) -> None:
    """Same seed, same scores; another seed, others."""
    config = dataclasses.replace(TOY, epochs=1, dropout=0.2)
    scores = [
        ProposalModel.fit(split[0], split[1], config, seed=seed).score(split[0], split[2]).score
        for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert (scores[0] != scores[2]).any()


def test_too_few_windows_are_one_clear_error(panel: Panel) -> None:
    """A panel of two months cannot fill windows of six for a hundred rows."""
    few = panel.rows.take(panel.rows.month < panel.rows.month.min() + 2)
    with pytest.raises(InvalidConfig, match="rows have a window"):
        ProposalModel.fit(History(few), few, TOY)


# -- scores --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scaling", ["minmax", "robust"])
def test_a_planted_value_raises_the_error_of_its_row(
    scaling: str, split: tuple[History, Rows, Rows], fitted: Callable[[ProposalConfig], ProposalModel]
) -> None:
    """Thirty times the value of its month: the row becomes odder than nearly all clean rows."""
    history, _, late = split
    model = fitted(dataclasses.replace(TOY, scaling=scaling))  # type: ignore[arg-type]
    clean = model.score(history, late).score
    value = late.value.copy()
    value[40] *= 30.0
    odd = dataclasses.replace(late, value=value)
    score = model.score(history.with_rows(odd), odd).score
    assert score[40] > 1.5 * clean[40]
    assert score[40] > np.quantile(clean, 0.95)


def test_the_error_of_the_last_step_leaves_the_neighbours_out(
    split: tuple[History, Rows, Rows], fitted: Callable[[ProposalConfig], ProposalModel]
) -> None:
    """A wild month before raises the window's error more than it raises that of its last step."""
    history, _, late = split
    month = int(late.month.min())
    value = np.where(late.month == month, 1e3 * late.value, late.value)
    odd = dataclasses.replace(late, value=value)
    after = late.month == month + 1
    rise = {}
    for error in ("window", "last"):
        model = fitted(dataclasses.replace(NUMERIC, error=error))  # type: ignore[arg-type]
        before = model.score(history, late).score[after]
        rise[error] = np.median(model.score(history.with_rows(odd), odd).score[after] / before)
    assert rise["window"] > 2.0 * rise["last"]


def test_rows_that_cannot_be_scored_are_silent(
    split: tuple[History, Rows, Rows], fitted: Callable[[ProposalConfig], ProposalModel]
) -> None:
    """No weight, no earlier month: NaN; the plain array needs no earlier month."""
    history = split[0]
    strange = rows(
        ("2023-03", "0303670000", "VN", 100.0, 0.0, np.nan),
        ("2023-03", "0303670000", "PE", 100.0, 50.0, np.nan),
        ("2023-03", "0303670000", "VN", 100.0, 50.0, np.nan),
    )
    prices = fitted(TOY).score(history, strange)
    assert np.isfinite(prices.score).tolist() == [False, False, True]
    assert prices.months.tolist() == [0, 0, 5]
    assert np.isnan(prices.centre).all()
    assert np.isnan(prices.scale).all()
    plain = fitted(dataclasses.replace(TOY, window=1)).score(history, strange)
    assert np.isfinite(plain.score).tolist() == [False, True, True]
    assert len(fitted(TOY).score(history, strange.take(np.zeros(3, dtype=bool))).score) == 0


@pytest.mark.parametrize("windows", ["series", "original"])
def test_a_line_gets_the_same_score_alone_and_among_others(
    windows: str, split: tuple[History, Rows, Rows], fitted: Callable[[ProposalConfig], ProposalModel]
) -> None:
    """Bit for bit, for both kinds of window."""
    model = fitted(dataclasses.replace(TOY, windows=windows))  # type: ignore[arg-type]
    history, _, late = split
    together = model.score(history, late, consignment=True).score
    alone = [
        model.score(history, late.take(np.array([i])), consignment=True).score[0] for i in range(0, 60, 7)
    ]
    assert np.isfinite(together).all()
    assert together[:60:7].tolist() == alone


@pytest.mark.parametrize("change", [{}, {"embedding": 4, "batch_norm": True, "scaling": "robust"}])
def test_a_model_survives_keeping(
    change: dict[str, float],
    split: tuple[History, Rows, Rows],
    fitted: Callable[[ProposalConfig], ProposalModel],
) -> None:
    """Tensors and JSON facts give the very same scores back."""
    config = dataclasses.replace(TOY, **change)  # type: ignore[arg-type]
    model = fitted(config)
    facts = json.loads(json.dumps(model.facts()))
    again = ProposalModel.restore(config, model.tensors(), facts, macro_of("2021-01", 30))
    history, _, late = split
    np.testing.assert_array_equal(model.score(history, late).score, again.score(history, late).score)
    assert again.losses == model.losses


# -- presets -------------------------------------------------------------------------------------------


def test_the_presets_are_the_proposals_models() -> None:
    """Two models and the first one's windows as published."""
    a, b, original = (
        load_config(ProposalConfig, CONFIGS, f"proposal-{x}") for x in ("a", "b", "original-windows")
    )
    assert (a.window, a.hidden, a.epochs, a.batch) == (12, 64, 50, 64)
    assert (a.scaling, a.threshold, b.scaling, b.threshold) == ("minmax", "top10", "robust", "iqr")
    assert (a.embedding == 0, b.embedding > 0) == (True, True)
    assert original == dataclasses.replace(a, windows="original")


def test_the_grid_changes_one_thing_at_a_time() -> None:
    """Each entry loads, and differs from its preset in one field."""
    for name, (preset, overrides) in GRID.items():
        base, changed = (load_config(ProposalConfig, CONFIGS, preset, o) for o in (None, overrides))
        differ = [
            f.name for f in dataclasses.fields(base) if getattr(base, f.name) != getattr(changed, f.name)
        ]
        assert differ == list(overrides), name


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("window", 0),
        ("hidden", 0),
        ("embedding", -1),
        ("dropout", 1.0),
        ("learning_rate", 0.0),
        ("flag_share", 1.0),
        ("scaling", "log"),
        ("threshold", "best"),
    ],
)
def test_an_impossible_configuration_names_its_key(key: str, value: object) -> None:
    """One clear error for each."""
    with pytest.raises(InvalidConfig, match=key):
        make_config(ProposalConfig, {key: value})


def test_on_real_trade_a_hundredfold_price_raises_the_error(eval_data: Path) -> None:
    """A small Model A of numeric columns: of a hundred rows nearly all become far odder."""
    panel = read_panel([eval_data / "trade/us_seafood_imports.parquet"], {"hs": "hs6"})
    start = month_number("2019-07")
    learn, late = panel.rows.take(panel.rows.month < start), panel.rows.take(panel.rows.month >= start)
    preset = tomllib.loads((CONFIGS / "proposal-a.toml").read_text(encoding="utf-8"))
    small = {"hidden": 16, "epochs": 4, "batch": 256, "numeric_only": True, "error": "last"}
    config = make_config(ProposalConfig, {**preset, **small})
    history = History(panel.rows)
    model = ProposalModel.fit(history, learn, config)
    clean = model.score(history, late).score
    some = np.random.default_rng(0).choice(np.flatnonzero(np.isfinite(clean)), 100, replace=False)
    value = late.value.copy()
    value[some] *= 100.0
    odd = dataclasses.replace(late, value=value)
    rise = model.score(history.with_rows(odd), odd).score[some] / clean[some]
    assert (rise > 1.0).mean() >= 0.95
    assert np.median(rise) > 5.0


def test_no_line_at_all_has_no_window(panel: Panel) -> None:
    """A call without rows answers with none, in every kind of window."""
    history = History(panel.rows)
    for windows in ("series", "original"):
        config = ProposalConfig(windows=windows, epochs=1, hidden=4)
        model = ProposalModel.fit(history, panel.rows, config)
        nothing = panel.rows.take(np.zeros(0, dtype=np.int64))
        assert len(model.score(history, nothing, consignment=True).score) == 0
