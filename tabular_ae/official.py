"""The official files brought into one panel: whose rows, whose countries, which freight, which macro figures.

Every function takes a table with the columns month (YYYY-MM), hs (digits), country (any label), value_usd and
weight_kg (kg), leaves it as it is, and answers a new one and a `Step` that says what was dropped or merged.
Nothing completes a series: a month without trade, freight or a figure stays without.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from customs.errors import InvalidConfig, InvalidValue
from customs.hs import HsCode
from customs.readers.trade import FLOWS
from tabular_ae.countries import GROUPS, Membership, code_of, group_of

KEYS = ("month", "hs", "country")
NEEDED = (*KEYS, "value_usd", "weight_kg")
FREIGHT = "freight_krw_per_kg"
# A running total since January does not add up over members of which some had no trade in a month.
_RUNNING = ("year_value_usd", "year_weight_kg")
_SHOWN = 6


@dataclass(frozen=True)
class Step:
    """What one function did: rows before and after, and sentences with counts."""

    name: str
    rows_in: int
    rows_out: int
    said: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join(
            [f"{self.name}: {self.rows_in:,} rows, then {self.rows_out:,}", *map("  {}".format, self.said)]
        )


Done = tuple[pd.DataFrame, Step]


def renamed(table: pd.DataFrame, columns: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Any country's table under our names; `columns` maps ours to theirs.

    Raises:
        InvalidConfig: the table lacks a column that is mapped or needed.
    """
    wanted = {**{name: name for name in NEEDED}, **(columns or {})}
    if absent := [ours for ours, theirs in wanted.items() if theirs not in table]:
        raise InvalidConfig(
            f"the table lacks {', '.join(wanted[ours] for ours in absent)}",
            field=absent[0],
            remedy=f"map it: {absent[0]}=THEIRS; the table has {_some([str(c) for c in table.columns], 30)}",
        )
    return table.rename(columns={theirs: ours for ours, theirs in wanted.items()})


def restore_zeros(table: pd.DataFrame) -> Done:
    """Codes of nine digits get the leading zero back that a spreadsheet lost; others stay."""
    written = table["hs"].astype(str)
    whole = written.map({code: _whole(code) for code in written.unique()})
    count = int((whole != written).sum())
    said = (f"the leading zero of {count:,} codes was restored",) if count else ()
    return table.assign(hs=whole), Step("codes", len(table), len(table), said)


def _whole(code: str) -> str:
    try:
        return HsCode.from_statistics(code).digits if len(code) == 9 else code
    except InvalidValue:
        return code


def imports_only(table: pd.DataFrame) -> Done:
    """Rows whose `flow` is I; a table without that column holds imports."""
    if "flow" not in table:
        return table, Step("imports", len(table), len(table), ("no column tells the flow; all are imports",))
    flow = table["flow"].map(FLOWS)
    out = table[flow == "I"].drop(columns="flow").reset_index(drop=True)
    said = _counted(
        {"exports were dropped": (flow == "E").sum(), "rows of no flow were dropped": flow.isna().sum()}
    )
    return out, Step("imports", len(table), len(out), said)


def traded_only(table: pd.DataFrame) -> Done:
    """Rows with a value and a weight above zero; the others have no unit value."""
    traded = (table["value_usd"] > 0) & (table["weight_kg"] > 0)
    out = table[traded].reset_index(drop=True)
    said = _counted({"rows without value or weight were dropped": (~traded).sum()})
    return out, Step("trade", len(table), len(out), said)


def coded_countries(table: pd.DataFrame) -> Done:
    """ISO 3166-1 alpha-2 codes (and `EU`) for every label that means one; other labels stay."""
    labels = table["country"].astype(str)
    codes = {label: code_of(label) for label in labels.unique()}
    unknown = sorted(label for label, code in codes.items() if code is None)
    changed = sum(code not in (None, label) for label, code in codes.items())
    coded = table.assign(country=labels.map({label: code or label for label, code in codes.items()}))
    out = _summed(coded)
    said = _counted({"labels were read as country codes": changed})
    if unknown:
        said += (f"{len(unknown):,} labels stay, being no country's: {_some(unknown)}",)
    if len(out) != len(table):
        said += (f"{len(table) - len(out):,} rows were added to others of the same country",)
    return out, Step("countries", len(table), len(out), said)


def keep_partners(
    table: pd.DataFrame, partners: Sequence[str], groups: Mapping[str, Membership] = GROUPS
) -> Done:
    """Rows of the chosen countries; a group such as EU keeps its members of the month, merged or not.

    Raises:
        InvalidConfig: no row is left.
    """
    chosen = [code_of(name) or name for name in partners]
    wanted = {name: groups[name] for name in chosen if name in groups}
    codes = _codes(table["country"])
    kept = codes.isin(chosen) | _groups(codes, table["month"], wanted).notna()
    out = table[kept].reset_index(drop=True)
    if not len(out):
        raise InvalidConfig(
            f"no row is of {', '.join(partners)}",
            field="partners",
            remedy=f"choose from {_some(sorted(codes.unique()), 30)}",
        )
    there = set(codes[kept]) | set(_groups(codes, table["month"], wanted).dropna())
    others = codes[~kept].nunique()
    said = _counted({f"rows of {others:,} other countries were dropped": (~kept).sum()})
    said += tuple(f"{name} has no row" for name in chosen if name not in there)
    return out, Step("partners", len(table), len(out), said)


def merge_members(table: pd.DataFrame, groups: Mapping[str, Membership | Iterable[str]] = GROUPS) -> Done:
    """Each group as one country: value and weight of its members added by month and item.

    groups: a group's label to its members' codes, or to their first and last months (`EU_MEMBERS`). Rows that
    already bear the group's label are added, too. Freight is the members' mean weighted by kg where known;
    of other columns the first row's value is kept.
    """
    spans = {
        name: members if isinstance(members, Mapping) else dict.fromkeys(members, (None, None))
        for name, members in groups.items()
    }
    codes = _codes(table["country"])
    group = _groups(codes, table["month"], spans)
    inside = group.notna()
    out = _summed(table.assign(country=table["country"].where(~inside, group)))
    said = []
    for name in spans:
        members = sorted(codes[group == name].unique())
        if members:
            said.append(f"{(group == name).sum():,} rows of {', '.join(members)} are {name}")
        else:
            said.append(f"{name} has no member in the table")
    if len(out) != len(table):
        said.append(f"{len(table) - len(out):,} rows were added to others of the same group, month and item")
    return out, Step("groups", len(table), len(out), tuple(said))


def join_freight(table: pd.DataFrame, rates: pd.DataFrame, groups: Mapping[str, Membership] = GROUPS) -> Done:
    """`freight_krw_per_kg` from the route of the row's country and month, where the row has none of its own.

    rates: month, country, krw_per_kg, as `routes.rates` makes them. A member of a group with a route takes
    that route; a country without one, and a month without a figure, stay NaN.
    """
    found, routed = rates_at(table["country"], table["month"], rates, groups)
    own = table[FREIGHT] if FREIGHT in table else pd.Series(float("nan"), index=table.index)
    joined = own.isna() & found.notna()
    said = _counted(
        {
            "rows got their route's freight": joined.sum(),
            "rows have freight of their own": own.notna().sum(),
            "rows are of countries without a route": (own.isna() & ~routed).sum(),
            "rows are of months without a figure for their route": (own.isna() & routed & found.isna()).sum(),
        }
    )
    return table.assign(**{FREIGHT: own.fillna(found)}), Step("freight", len(table), len(table), said)


def rates_at(
    country: pd.Series,
    month: pd.Series,
    rates: pd.DataFrame,
    groups: Mapping[str, Membership] = GROUPS,
) -> tuple[pd.Series, pd.Series]:
    """KRW/kg (n,) for labels and months (YYYY-MM), NaN without a figure; and whether there is a route."""
    codes = _codes(country)
    known = set(rates["country"])
    route = codes.where(
        codes.isin(known), _groups(codes, month, {name: g for name, g in groups.items() if name in known})
    )
    figures = rates.set_index(["month", "country"])["krw_per_kg"]
    at = figures.reindex(pd.MultiIndex.from_arrays([month, route.fillna("")]))
    return pd.Series(at.to_numpy(dtype=float), index=country.index), route.notna()


def join_macro(table: pd.DataFrame, figures: pd.DataFrame) -> Done:
    """Every figure of the row's month as a column; NaN where there is none.

    figures: month and a column for each figure, each month once, as `customs.readers.macro` reads them.

    Raises:
        InvalidConfig: a figure has the name of a column.
    """
    names = [name for name in figures.columns if name != "month"]
    if both := [name for name in names if name in table]:
        raise InvalidConfig(
            f"the panel already has a column {both[0]!r}", field="macro", remedy="rename it in the file"
        )
    by_month = figures.set_index("month")
    out = table.assign(**{name: table["month"].map(by_month[name]).astype(float) for name in names})
    said = [f"{len(names):,} figures were joined by month"]
    said += [f"{name} has none for {n:,} rows" for name in names if (n := int(out[name].isna().sum()))]
    return out, Step("macro", len(table), len(out), tuple(said))


def _codes(country: pd.Series) -> pd.Series:
    """Code of each label, the label itself where it has none."""
    labels = country.astype(str)
    return labels.map({label: code_of(label) or label for label in labels.unique()}).astype(object)


def _groups(codes: pd.Series, month: pd.Series, groups: Mapping[str, Membership]) -> pd.Series:
    """Each row's group in its month, None without; a row that bears a group's own label is of it."""
    pairs = pd.MultiIndex.from_arrays([codes, month])
    found = {
        pair: pair[0] if pair[0] in groups else group_of(pair[0], pair[1], groups) for pair in pairs.unique()
    }
    return pd.Series([found[pair] for pair in pairs], index=codes.index, dtype=object)


def _summed(table: pd.DataFrame) -> pd.DataFrame:
    """One row for each month, item and country, in the order of their first rows."""
    keys = [name for name in (*KEYS, "flow") if name in table]
    twice = table.duplicated(keys, keep=False)
    if not twice.any():
        return table.reset_index(drop=True)
    table = table.drop(columns=[name for name in _RUNNING if name in table])
    rates = [name for name in table.columns if str(name).startswith("freight")]
    parts = table[list(table.columns)].copy()
    for name in rates:  # total freight, and the kg it was paid for
        parts[f"{name} paid"] = parts[name] * parts["weight_kg"]
        parts[f"{name} kg"] = parts["weight_kg"].where(parts[name].notna())
    added = ["value_usd", "weight_kg", *(f"{name} {part}" for name in rates for part in ("paid", "kg"))]
    rest = [name for name in table.columns if name not in {*keys, *added, *rates}]
    groups = parts.groupby(keys, sort=False, dropna=False)
    out = pd.concat([groups[added].sum(min_count=1), groups[rest].first()], axis=1).reset_index()
    for name in rates:
        out[name] = out[f"{name} paid"] / out[f"{name} kg"]
    return out[list(table.columns)]


def _counted(counts: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(f"{int(count):,} {what}" for what, count in counts.items() if count)


def _some(names: Sequence[str], most: int = _SHOWN) -> str:
    """The first names of a list that may be long."""
    return ", ".join(names[:most]) + (" …" if len(names) > most else "")
