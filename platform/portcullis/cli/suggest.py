"""`portcullis suggest`: HS codes for texts, one JSON line each, in the order of the input."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Language(StrEnum):
    """Of the sentences in the answer."""

    ENGLISH = "en"
    KOREAN = "ko"


def suggest(
    model: Annotated[Path, typer.Option(help="Folder of a model written by `train hs`.")],
    text: Annotated[list[str] | None, typer.Option(help="A text to classify; may be repeated.")] = None,
    input_: Annotated[
        Path | None, typer.Option("--input", help="A CSV file (UTF-8 or CP949) with a text in each row.")
    ] = None,
    text_column: Annotated[str | None, typer.Option(help="The column of the name or text.")] = None,
    description_column: Annotated[
        str | None, typer.Option(help="A column with more about the goods.")
    ] = None,
    photo: Annotated[Path | None, typer.Option(help="A photo of the goods, with --text or alone.")] = None,
    photo_column: Annotated[
        str | None, typer.Option(help="A column with paths of photos, relative to the file.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, max=50, help="Codes given at each level.")] = 5,
    explain: Annotated[
        bool | None,
        typer.Option(
            "--explain/--no-explain",
            help="Say which fact would change each code (thirty askings a text). Default: for --text only.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File of JSON lines; standard output where absent.")
    ] = None,
    language: Annotated[
        Language, typer.Option("--lang", help="Of reasons and questions.")
    ] = Language.ENGLISH,
    device: Annotated[str, typer.Option(help="cpu, or cuda where there is one.")] = "cpu",
) -> None:
    """Suggest HS codes with calibrated probabilities and the nearest rulings."""
    import sys

    from customs.errors import InvalidConfig
    from hs_classifier.bulk import answer_lines, rows_of_csv, rows_of_texts
    from hs_classifier.scorer import HsScorer
    from portcullis.cli.console import progress_bars

    if (text is None and photo is None) == (input_ is None):
        raise InvalidConfig(
            "give either --text (or --photo) or --input", field="input", remedy="name texts, or a CSV file"
        )
    if input_ is not None and text_column is None:
        raise InvalidConfig(
            "--input needs the column of the text", field="text-column", remedy="add --text-column NAME"
        )
    if input_ is not None and text_column is not None:
        rows = rows_of_csv(input_, text_column, description_column, photo_column)
    else:
        rows = rows_of_texts(text or [""], photo)
    scorer = HsScorer.load(model, device=device)
    with progress_bars() as progress:
        lines = answer_lines(
            scorer.suggester,
            rows,
            top=top,
            language=language.value,
            explained=text is not None if explain is None else explain,
            progress=progress,
        )
        if out is None:
            sys.stdout.writelines(lines)
            return
        from customs.errors import UnreadableFile

        try:
            with out.open("w", encoding="utf-8") as file:
                file.writelines(lines)
        except OSError as error:
            raise UnreadableFile(
                f"{out}: {error.strerror}", field="out", remedy="name a file that can be written"
            ) from None
