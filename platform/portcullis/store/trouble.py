"""What kind of trouble the store is in, told from the errors of either database and of the file system."""

from __future__ import annotations

import errno
import sqlite3
from enum import StrEnum

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout


class Trouble(StrEnum):
    """Trouble that is nobody's mistake, and passes."""

    UNAVAILABLE = "unavailable"  # it does not answer, or is busy for too long: come again
    FULL = "full"  # no room on the disk


_FULL_FILES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_POSTGRES = "53100"
# of SQLite: a statement that is wrong is our mistake, and not the store's trouble
_OUR_MISTAKE = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_TOOBIG)


def trouble_of(error: BaseException) -> Trouble | None:
    """The trouble that an error tells of; None for any other error, such as a mistake of ours."""
    if isinstance(error, PoolTimeout):
        return Trouble.UNAVAILABLE
    if isinstance(error, OSError):
        return Trouble.FULL if error.errno in _FULL_FILES else None
    if not isinstance(error, DBAPIError):
        return None
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            return Trouble.FULL
        known = isinstance(error, OperationalError) and code not in _OUR_MISTAKE
        return Trouble.UNAVAILABLE if known else None
    if getattr(cause, "sqlstate", None) == _FULL_POSTGRES:
        return Trouble.FULL
    return Trouble.UNAVAILABLE if isinstance(error, OperationalError) else None


def reason_of(error: BaseException) -> str:
    """What the database or the file system said, in one line, without the values of a row."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return next(iter(str(cause).splitlines()), type(cause).__name__)


def is_uncertain(error: BaseException) -> bool:
    """Whether the connection was lost, so that nobody knows if its transaction was stored after all."""
    return isinstance(error, DBAPIError) and error.connection_invalidated
