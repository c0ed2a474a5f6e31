"""Reading a multipart upload: declaration, the files of a scan, and photo."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import ExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser

from customs.errors import CustomsError, Problem
from portcullis.api.access import Serving
from portcullis.batcher import Busy
from portcullis.consignment import MAX_DECLARATION_BYTES, NamedFile, Upload

PARTS = ("declaration", "scan", "photo")
_LONGEST_PASSING_SECONDS = 20
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
                        "scan": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "maxItems": 3,
                            "description": "PNG, TIFF, JPEG, .npy, DICOS or DICOM, or a vendor's .img; "
                            "several parts where low and high energy (and material) are files of their own, "
                            "told apart by their names: a_low.tif, a_high.tif",
                        },
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


async def admitted(request: Request, service: Serving) -> AsyncIterator[None]:
    """A place among the uploads in hand until the answer is sent; none free is `Busy`, nothing kept."""
    with ExitStack() as held:
        try:
            held.enter_context(service.batcher.place())
        except Busy:
            await _let_it_pass(request)
            raise
        yield


async def _let_it_pass(request: Request) -> None:
    """Take in a body and forget it: who is still sending would not hear an answer, only a broken line."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LONGEST_PASSING_SECONDS):
            async for _ in request.stream():
                pass


async def read_form(request: Request, place: Annotated[None, Depends(admitted)]) -> Form:
    """Read the multipart body; a part that a browser sends empty and unnamed was not chosen."""
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        raise CustomsError(
            f"got {kind or 'no content type'!r}",
            field="Content-Type",
            remedy="send multipart/form-data with the parts declaration, scan and photo",
        )
    async with parts_of(request) as form:
        files = {part: await files_of(form, part) for part in PARTS}
        texts = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        unknown = tuple(dict.fromkeys(name for name in form if name not in PARTS))
    for part in ("declaration", "photo"):
        if len(files[part]) > 1:
            raise CustomsError(f"there are {len(files[part])} of it", field=part, remedy="send one file")
    declaration, photo = files["declaration"], files["photo"]
    return Form(
        Upload(
            declaration=declaration[0][1] if declaration else texts.get("declaration", "").encode(),
            scan=files["scan"] or _text(texts, "scan"),
            photo=(photo or _text(texts, "photo") or (("", None),))[0][1],
        ),
        texts,
        unknown,
    )


Filled = Annotated[Form, Depends(read_form)]


class _Parser(MultiPartParser):
    """Refuses a body that was cut; Starlette takes it for one with fewer parts."""

    ended = False
    # a part up to this size stays in memory, where it is needed anyway; a larger one waits in a file
    spool_max_size = 16 * 1024 * 1024

    def on_end(self) -> None:
        """The closing boundary."""
        self.ended = True

    async def whole(self, stream: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """The stream, which must hold a whole body."""
        async for chunk in stream:
            yield chunk
        if not self.ended:
            raise MultiPartException("the body ends before its last part does")


@asynccontextmanager
async def parts_of(request: Request, *, max_fields: int = 8) -> AsyncIterator[FormData]:
    """The parts of the body; 400 for one that is broken or was cut."""
    async with aclosing(request.stream()) as stream:
        most = MAX_DECLARATION_BYTES + 1024
        parser = _Parser(request.headers, stream, max_files=8, max_fields=max_fields, max_part_size=most)
        parser.stream = parser.whole(stream)
        try:
            form = await parser.parse()
        except MultiPartException as error:
            raise HTTPException(400, error.message) from None
    try:
        yield form
    finally:
        await form.close()


async def read_upload(form: Filled) -> Upload:
    """The upload of an API call, which has no other parts."""
    if form.unknown:
        remedy = f"send only {', '.join(PARTS)}"
        raise CustomsError.of([Problem("there is no such part", name, remedy) for name in form.unknown])
    return form.upload


async def watch_caller(request: Request, form: Filled) -> AsyncIterator[Callable[[], bool]]:
    """Says, once the upload is read, whether whoever sent it has closed the connection."""

    async def left() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    watching = asyncio.create_task(left())
    try:
        yield watching.done
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


Uploaded = Annotated[Upload, Depends(read_upload)]
Gone = Annotated[Callable[[], bool], Depends(watch_caller)]


async def files_of(form: FormData, part: str) -> tuple[NamedFile, ...]:
    """Name and contents of each file of a part; one that a browser sends empty and unnamed was not chosen."""
    sent = [f for f in form.getlist(part) if isinstance(f, UploadFile) and (f.size or f.filename)]
    return tuple([(f.filename or "", await f.read()) for f in sent])


def _text(texts: dict[str, str], part: str) -> tuple[NamedFile, ...]:
    # a picture sent as a text field is no picture: let its reader say so
    return (("", texts[part].encode()),) if texts.get(part) else ()
