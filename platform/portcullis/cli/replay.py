"""`portcullis replay`: a past period under another model, policy or budget."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def replay(
    data: Annotated[
        Path | None,
        typer.Option(help="Scored cases, or declarations with a budget; default: what the store holds."),
    ] = None,
    model: Annotated[Path | None, typer.Option(help="Fusion model as it was; none: uncalibrated.")] = None,
    against: Annotated[
        Path | None, typer.Option(help="Fusion model to compare with; default: the same.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="Policy as it was; default: the one that ships.")
    ] = None,
    against_policy: Annotated[
        Path | None, typer.Option(help="Policy to compare with; default: the same.")
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="Compare lists of this length, a share or a count, instead of bands.")
    ] = None,
    against_budget: Annotated[
        str | None, typer.Option(help="Length of the other list; default: the same.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="First day, YYYY-MM-DD.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day, YYYY-MM-DD.")] = None,
    out: Annotated[Path | None, typer.Option(help="Parquet file for the cases that change lane.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print counts and cases as JSON.")] = False,
) -> None:
    """List which cases change lane under another model, policy or budget, with counts and known outcomes."""
    from fusion.keeping import load
    from fusion.policy import Policy
    from fusion.rank import Budget
    from fusion.replay import Setting
    from fusion.replay import replay as run
    from portcullis.cli.console import print_json
    from portcullis.fusing.past import of_period, past_cases

    cases = of_period(past_cases(data), since, until)
    old = Policy.default() if policy is None else Policy.read(policy)
    new = old if against_policy is None else Policy.read(against_policy)
    loaded = None if model is None else load(model)
    other = loaded if against is None else load(against)
    length = None if budget is None else Budget.parse(budget)
    theirs = length if against_budget is None else Budget.parse(against_budget)
    found = run(cases, Setting(old, loaded, length), Setting(new, other, theirs))
    changes = found.changes(cases.table)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        changes.to_parquet(out, index=False)
    moved = int(found.moved.sum())
    if json:
        rows = changes.astype(object).where(changes.notna(), None)
        rows["date"] = rows["date"].map(str)
        print_json(
            {
                "cases": len(cases),
                "moved": moved,
                "counts": found.counts(),
                "changes": rows.to_dict("records"),
            }
        )
        return
    print(f"{len(cases):,} cases, {moved:,} change lane")
    for way in found.counts():
        known = f", {way['hits']:,} hits of {way['inspected']:,} inspected" if way["inspected"] else ""
        print(f"  {way['from']} → {way['to']}: {way['cases']:,}{known}")
    if out is not None:
        print(f"wrote {out}")
