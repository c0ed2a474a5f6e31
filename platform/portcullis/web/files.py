"""The files that pages load, compressed where the browser takes it: a script shrinks to a third."""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import PurePath

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

from portcullis.api.packing import takes_gzip

_TEXTS = frozenset({".js", ".css", ".svg", ".json"})
_FILES = 256  # that are kept compressed, a few megabytes in all


class PackedFiles(StaticFiles):
    """Static files; each text is compressed once for each process and then kept."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or its compressed form with a tag of its own."""
        plain = await super().get_response(path, scope)
        if PurePath(path).suffix not in _TEXTS:
            return plain
        plain.headers["Vary"] = "Accept-Encoding"
        asked = Headers(scope=scope)
        if not isinstance(plain, FileResponse) or not takes_gzip(asked.get("accept-encoding", "")):
            return plain
        tag = plain.headers["etag"]
        packed = f'{tag.rstrip(chr(34))}-gzip"'
        headers = {
            "Content-Encoding": "gzip",
            "Vary": "Accept-Encoding",
            "ETag": packed,
            "Last-Modified": plain.headers["last-modified"],
        }
        if packed in [one.strip().removeprefix("W/") for one in asked.get("if-none-match", "").split(",")]:
            return NotModifiedResponse(Headers(headers))
        body = await run_in_threadpool(_packed, str(plain.path), tag)
        return Response(body, headers=headers, media_type=plain.media_type)


@lru_cache(maxsize=_FILES)
def _packed(path: str, tag: str) -> bytes:
    """tag: changes with the file."""
    with open(path, "rb") as file:
        return gzip.compress(file.read(), 9, mtime=0)
