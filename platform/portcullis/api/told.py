"""Reading what somebody tells of goods: a form with texts, a photo or a file; or JSON where there is none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from customs.errors import CustomsError
from portcullis.api.access import Serving
from portcullis.api.upload import admitted, files_of, parts_of
from portcullis.consignment import NamedFile

M = TypeVar("M", bound=BaseModel)
FILES = ("photo", "file")
_MAX_FIELDS = 200
_SMALL = 256 * 1024  # bytes of a body that needs no place among the uploads


@dataclass(frozen=True)
class Told:
    """A body that was read.

    json: the whole body where it was no form. fields: names and texts of a form in its order, some names
    more than once. files: by the name of their part.
    """

    fields: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, NamedFile], ...] = ()
    json: bytes | None = None

    def one(self, name: str) -> str:
        """The first text of a name; empty where there is none."""
        return next((text for n, text in self.fields if n == name), "")

    def every(self, name: str) -> list[str]:
        """All texts of a name."""
        return [text for n, text in self.fields if n == name]

    def file(self, part: str) -> NamedFile | None:
        """The one file of a part."""
        found = [file for name, file in self.files if name == part]
        if len(found) > 1:
            raise CustomsError(f"there are {len(found)} of it", field=part, remedy="send one file")
        return found[0] if found else None

    @property
    def photo(self) -> bytes | None:
        """The photo, if one was sent."""
        found = self.file("photo")
        return None if found is None else found[1]

    def require_only(self, *names: str) -> None:
        """Refuse names that mean nothing here; a typing error must not be silence."""
        unknown = [n for n, _ in (*self.fields, *self.files) if n not in names]
        if unknown:
            raise CustomsError("there is no such part", field=unknown[0], remedy=f"send {', '.join(names)}")


async def seated(request: Request, service: Serving) -> AsyncIterator[None]:
    """A place among the uploads for a large body; a small one is read at once."""
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) <= _SMALL:
        yield
        return
    async with asynccontextmanager(admitted)(request, service):
        yield


async def read_told(request: Request, place: Annotated[None, Depends(seated)]) -> Told:
    """The body, as the kind that its header names."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with parts_of(request, max_fields=_MAX_FIELDS) as form:
            files = [(part, file) for part in FILES for file in await files_of(form, part)]
            fields = tuple((n, v) for n, v in form.multi_items() if isinstance(v, str))
        return Told(fields, tuple(files))
    if kind == "application/x-www-form-urlencoded":
        async with request.form(max_fields=_MAX_FIELDS) as plain:
            return Told(tuple((n, v) for n, v in plain.multi_items() if isinstance(v, str)))
    return Told(json=await request.body())


Telling = Annotated[Told, Depends(read_told)]


def model_of(kind: type[M], value: bytes | dict[str, Any]) -> M:
    """A JSON body, or the values of a form, as a document; `RequestValidationError` where it is none."""
    try:
        return kind.model_validate_json(value) if isinstance(value, bytes) else kind.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError([{**e, "loc": ("body", *e["loc"])} for e in found]) from None


def two_bodies(document: type[BaseModel], parts: dict[str, Any], required: tuple[str, ...]) -> dict[str, Any]:
    """For OpenAPI: JSON, or a form with these parts."""
    schema = document.model_json_schema(ref_template="{model}")
    schema = _whole(schema, schema.pop("$defs", {}))
    form = {"type": "object", "properties": parts, "required": list(required)}
    content = {"application/json": {"schema": schema}, "multipart/form-data": {"schema": form}}
    return {"requestBody": {"required": True, "content": content}}


def _whole(part: Any, models: dict[str, Any]) -> Any:
    """A schema with the models that it names written out: they stand nowhere else in the document."""
    if isinstance(part, dict):
        if "$ref" in part:
            return _whole(models[part["$ref"]], models)
        return {name: _whole(value, models) for name, value in part.items()}
    return [_whole(value, models) for value in part] if isinstance(part, list) else part


PHOTO_PART = {"type": "string", "format": "binary", "description": "PNG, JPEG or TIFF"}
