"""`portcullis codes`: search, show, browse and map codes of the imported tables."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from portcullis.codes import CodeDesk

codes = typer.Typer(help="Codes of the official table: search, show, browse, map.", no_args_is_help=True)

On = Annotated[dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day of the declaration.")]
Nomenclature = Annotated[
    list[Path] | None, typer.Option(help="An official table to read instead of the store; may be repeated.")
]
Store = Annotated[str | None, typer.Option(help="Database URL; the configured store by default.")]
Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


@codes.command("search")
def search(
    text: Annotated[list[str], typer.Argument(help="2 to 10 digits, or words of the official wording.")],
    on: On = None,
    limit: Annotated[int, typer.Option(help="How many codes at most.")] = 20,
    nomenclature: Nomenclature = None,
    store: Store = None,
    json: Json = False,
) -> None:
    """Codes that begin with the digits, or whose wording has the words; « » marks the words."""
    found = _desk(nomenclature, store).search(" ".join(text), on=_day(on), limit=limit)
    if json:
        return _print_json(found)
    if found["note"]:
        print(found["note"])
    for hit in found["hits"]:
        marked = [_marked(hit[language], hit["marks"][language]) for language in ("ko", "en")]
        print(f"{hit['written']:<14}{_both(*marked)}")
        above = [e["ko"] or e["en"] or e["written"] for e in hit["path"][:-1]]
        if above:
            print(f"{'':<14}in {' > '.join(_short(name, 48) for name in above)}")
        if hit["validity"] and hit["validity"]["status"] != "valid":
            print(f"{'':<14}{hit['validity']['sentence']}")
    shown = len(found["hits"])
    print(f"{found['total']:,} found" + (f", {shown} shown" if shown < found["total"] else ""))


@codes.command("show")
def show(
    code: Annotated[str, typer.Argument(help="2 to 10 digits; dots and dashes are read, too.")],
    on: On = None,
    nomenclature: Nomenclature = None,
    store: Store = None,
    json: Json = False,
) -> None:
    """One code: its path, days of validity, units, duty rates, and what older editions make of it."""
    found = _desk(nomenclature, store).show(code, on=_day(on) or dt.date.today())
    if json:
        return _print_json(found)
    for entry in found["path"]:
        print(f"{entry['written']:<14}{_both(entry['ko'], entry['en'])}")
    print(f"{'validity':<14}{found['validity']['sentence']}")
    print(f"{'units':<14}quantity {found['quantity_unit'] or '–'}, weight {found['weight_unit'] or '–'}")
    _print_rates(found)
    mapping = found["mapping"]
    if mapping and mapping["status"] not in ("no_table", "not_listed"):
        print(f"{'editions':<14}{mapping['sentence']}")
    print(f"{'below':<14}{len(found['children']):,} codes or groups")


@codes.command("browse")
def browse(
    code: Annotated[str | None, typer.Argument(help="Where to begin; the chapters by default.")] = None,
    nomenclature: Nomenclature = None,
    store: Store = None,
    json: Json = False,
) -> None:
    """The codes directly below a code."""
    found = _desk(nomenclature, store).browse(code)
    if json:
        return _print_json(found)
    for depth, entry in enumerate(found["path"]):
        print(f"{'  ' * depth}{entry['written']}  {_both(entry['ko'], entry['en'])}")
    indent = "  " * len(found["path"])
    for entry in found["children"]:
        more = f"  (+{entry['children']})" if entry["children"] else ""
        print(f"{indent}{entry['written']:<14}{_both(entry['ko'], entry['en'])}{more}")
    if not found["children"]:
        print(f"{indent}nothing lies below")


@codes.command("map")
def map_(
    code: Annotated[str, typer.Argument(help="A code of an older edition: 4, 6, 8 or 10 digits.")],
    from_: Annotated[
        str | None, typer.Option("--from", help="Its edition, such as 2017, or a day such as 2019-05-31.")
    ] = None,
    nomenclature: Nomenclature = None,
    store: Store = None,
    json: Json = False,
) -> None:
    """What became of a code of an older edition, by the imported concordance."""
    found = _desk(nomenclature, store).mapping(code, _edition(from_))
    if json:
        return _print_json(found)
    print(found["sentence"])
    for target in found["targets"]:
        notes = ["in part"] * target["partly"] + ["a step does not list it"] * (not target["in_step"])
        notes += ["not in the imported table"] * (not target["listed"] and not target["ko"] + target["en"])
        print(
            f"{target['written']:<14}{_both(target['ko'], target['en'])}" + "".join(f" [{n}]" for n in notes)
        )


def _desk(nomenclature: list[Path] | None, store: str | None) -> CodeDesk:
    from customs.errors import InvalidConfig
    from portcullis.codes import CodeDesk

    if nomenclature:
        if store:
            raise InvalidConfig(
                "--nomenclature and --store exclude each other", field="store", remedy="give one"
            )
        return CodeDesk.of_files(nomenclature)
    from portcullis.settings import Settings
    from portcullis.store import open_store
    from portcullis.store.tariff import Tariff

    return CodeDesk.of_store(Tariff(open_store(store or Settings.read().store_url)))


def _edition(text: str | None) -> str | dt.date | None:
    try:
        return dt.date.fromisoformat(text) if text and "-" in text else text
    except ValueError:
        return text  # the desk says what an edition is


def _day(on: dt.datetime | None) -> dt.date | None:
    return None if on is None else on.date()


def _print_json(value: Any) -> None:
    from portcullis.cli.console import print_json

    print_json(value)


def _print_rates(found: dict[str, Any]) -> None:
    answer = found["rates"]
    if not answer["imported"]:
        print(f"{'rates':<14}no rate file was imported: portcullis import rates FILE")
    elif not answer["rates"]:
        print(f"{'rates':<14}the imported file has none for this code on {found['on']}")
    for i, rate in enumerate(answer["rates"]):
        further = " ".join(f"{name} {rate[name]}" for name in ("country", "use") if rate[name])
        line = f"{rate['kind']:<8}{rate['rate']:<24}{rate['name'] or ''} {further}".rstrip()
        print(f"{'' if i else 'rates':<14}{line}")


def _both(ko: str, en: str) -> str:
    return " / ".join(name.replace("\n", " ") for name in (ko, en) if name) or "(no wording in the table)"


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _marked(text: str, spans: list[list[int]]) -> str:
    parts, at = [], 0
    for begin, end in spans:
        parts += [text[at:begin], "«", text[begin:end], "»"]
        at = end
    return "".join([*parts, text[at:]])
