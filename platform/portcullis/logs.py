"""What the service writes about itself on stderr: one line for each request and each event, no personal data.

Lines of our own loggers (`portcullis.…`) hold fixed words and the values that the call names by `extra`. Of
every other logger only the fixed first line of its message is kept, never what it was filled with; of an
exception its type and place, never its words: they may quote a declaration.
"""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType
from typing import Any, TextIO

import structlog

from portcullis.settings import Settings

OURS = "portcullis"
_FRAMES = 12
_LONGEST = 200
# What a record may carry besides its message; everything else that Python puts on one is dropped.
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "color_message",
    "taskName",
}
_THIRD_PARTY_LEVEL = logging.WARNING


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Send all logging of this process to `stream` (stderr), as `log_format` and `log_level` say."""
    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if settings.log_format == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=(stream or sys.stderr).isatty())
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _only_ours,
        ],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(_THIRD_PARTY_LEVEL)
    logging.getLogger(OURS).setLevel(settings.log_level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    threading.excepthook = _in_thread


def described(error: BaseException | None) -> list[dict[str, Any]]:
    """An exception and what caused it, as types and places."""
    found: list[dict[str, Any]] = []
    while error is not None and len(found) < 5:
        found.append({"type": type(error).__qualname__, "at": _places(error.__traceback__)})
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return found


def _only_ours(logger: Any, name: str, event: Any) -> Any:
    record: logging.LogRecord = event["_record"]
    ours = record.name == OURS or record.name.startswith(f"{OURS}.")
    if ours:
        event |= {key: value for key, value in record.__dict__.items() if key not in _STANDARD}
    else:
        event["event"] = str(record.msg).split("\n", 1)[0][:_LONGEST]
    event.pop("exc_info", None)
    event.pop("stack_info", None)
    if record.exc_info and record.exc_info[1] is not None:
        event["error"] = described(record.exc_info[1])
    return event


def _places(traceback: TracebackType | None) -> list[str]:
    found = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        found.append(f"{_short(code.co_filename)}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return found[-_FRAMES:]


def _short(path: str) -> str:
    return "/".join(path.replace("\\", "/").split("/")[-2:])


def _in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        logging.getLogger(OURS).error("a thread ended with an error", exc_info=args.exc_value)
