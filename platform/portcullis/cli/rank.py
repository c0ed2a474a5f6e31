"""`portcullis rank`: a day's declarations ordered by risk under an inspection budget."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class Language(StrEnum):
    """Of the reasons."""

    EN = "en"
    KO = "ko"


def rank(
    model: Annotated[Path, typer.Option(help="Folder that `train fusion` wrote.")],
    data: Annotated[Path, typer.Option(help="Declarations, or cases that `score cases` wrote.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write: one row for each row, in input order.")],
    budget: Annotated[
        str, typer.Option(help="How many can be inspected: a share (0.05, 5%) or a count (120).")
    ] = "0.05",
    random: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Share of the budget that goes by lot: its hit rate is that of all cases, unbiased.",
        ),
    ] = 0.02,
    fdr: Annotated[
        float | None,
        typer.Option(help="Instead of the budget: as many as keep the share of clean ones below this."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the lots, and of the order of ties.")] = 0,
    lang: Annotated[Language, typer.Option(help="Language of the reasons.")] = Language.EN,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Order declarations by risk, choose the day's inspections, and say why each stands where it does."""
    from fusion.bulk import Options, rank_file
    from fusion.rank import Budget
    from portcullis.cli.console import print_json, progress_bars

    options = Options(Budget.parse(budget), random, seed, fdr, lang.value)
    with progress_bars() as progress:
        summary = rank_file(model, data, out, options, progress)
    if json:
        print_json(summary)
    else:
        _print(summary, out)


def _print(found: dict[str, Any], out: Path) -> None:
    hits, ties, lot = found["expected_hits"], found["ties"], found["random_arm"]
    print(f"{found['rows']:,} rows, {found['judged']:,} judged, {found['refused']:,} refused")
    print(f"{found['selected']:,} selected of a budget of {found['budget']:,}; {lot['places']:,} by lot")
    print(
        f"ties: {ties['rate']:.2%} of all; {ties['with_the_risk_at_the_cut']:,} at the cut, "
        f"{ties['of_them_left_out']:,} of them left out"
    )
    if hits["mean"] is None:
        print(f"expected hits: not known, {hits['why']}")
    else:
        print(
            f"expected hits: {hits['mean']:,.0f} ({hits['low']:,.0f}-{hits['high']:,.0f}, nine times in ten)"
        )
    for currency, stake in found["at_stake"].items():
        gap, duty = stake["value_gap"], stake["duty_gap"]
        print(f"at stake among the selected: {gap:,.0f} {currency} of value, {duty:,.0f} of duty")
    new = found["new_importers"]
    print(f"importers never inspected: {new['rows']:,} rows, {new['selected']:,} selected")
    print(f"wrote {out}")
