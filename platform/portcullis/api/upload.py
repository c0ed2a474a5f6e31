"""Reading a multipart upload: declaration, scan and photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile

from customs.errors import CustomsError, Problem
from portcullis.consignment import MAX_DECLARATION_BYTES, Upload

PARTS = ("declaration", "scan", "photo")
# For OpenAPI: the body is read by hand because `declaration` may be a text field or a file.
REQUEST_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["declaration"],
                    "properties": {
                        "declaration": {"type": "string", "description": "declaration JSON, as text or file"},
                        "scan": {"type": "string", "format": "binary", "description": "PNG, TIFF or JPEG"},
                        "photo": {"type": "string", "format": "binary", "description": "PNG, JPEG or TIFF"},
                    },
                }
            }
        },
    }
}


@dataclass(frozen=True)
class Form:
    """An upload and the plain text fields beside it."""

    upload: Upload
    fields: dict[str, str]
    unknown: tuple[str, ...] = ()


async def read_form(request: Request) -> Form:
    """Read the multipart body; a part that a browser sends empty and unnamed was not chosen."""
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        raise CustomsError(
            f"got {kind or 'no content type'!r}",
            field="Content-Type",
            remedy="send multipart/form-data with the parts declaration, scan and photo",
        )
    async with request.form(max_files=8, max_fields=8, max_part_size=MAX_DECLARATION_BYTES + 1024) as form:
        files = {part: await _file(form, part) for part in PARTS}
        texts = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        unknown = tuple(dict.fromkeys(name for name in form if name not in PARTS))
    declaration = files["declaration"]
    return Form(
        Upload(
            declaration=declaration[0] if declaration else texts.get("declaration", "").encode(),
            scan=files["scan"][0] if files["scan"] else _text(texts, "scan"),
            photo=files["photo"][0] if files["photo"] else _text(texts, "photo"),
            scan_name=files["scan"][1] if files["scan"] else "",
        ),
        texts,
        unknown,
    )


async def read_upload(request: Request) -> Upload:
    """The upload of an API call, which has no other parts."""
    form = await read_form(request)
    if form.unknown:
        remedy = f"send only {', '.join(PARTS)}"
        raise CustomsError.of([Problem("there is no such part", name, remedy) for name in form.unknown])
    return form.upload


Uploaded = Annotated[Upload, Depends(read_upload)]
Filled = Annotated[Form, Depends(read_form)]


async def _file(form: FormData, part: str) -> tuple[bytes, str] | None:
    sent = [f for f in form.getlist(part) if isinstance(f, UploadFile) and (f.size or f.filename)]
    if len(sent) > 1:
        raise CustomsError(f"there are {len(sent)} of it", field=part, remedy="send one file")
    return (await sent[0].read(), sent[0].filename or "") if sent else None


def _text(texts: dict[str, str], part: str) -> bytes | None:
    # a picture sent as a text field is no picture: let its reader say so
    return texts[part].encode() if texts.get(part) else None
