"""What people do with batches: hand one in, look how far it is, cancel it, try again what failed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

from portcullis.jobs.intake import Limits, read_manifest
from portcullis.store.accounts import Account
from portcullis.store.batch_tables import LONGEST_NAME
from portcullis.store.batches import Batch, Batches
from portcullis.store.chunks import Chunks


class Executor(Protocol):
    """Whoever does the chunks of this service: `jobs.executor` has those there are."""

    def start(self) -> None:
        """Begin to look for work; returns at once."""

    def wake(self) -> None:
        """There is work."""

    def stop(self, seconds: float) -> None:
        """Give chunks back and end within about this time; what takes longer is taken over elsewhere."""


@dataclass(eq=False)
class Board:
    """The batches of a service, and who does them."""

    batches: Batches
    chunks: Chunks
    limits: Limits
    executor: Executor | None = None

    def submit(self, file: bytes, *, name: str, account: Account, key: str | None = None) -> Batch:
        """Read a file and keep it with its manifest; on any error nothing is stored.

        The same `key` with the same file and name answers with the batch of the first time.
        """
        name = plain_name(name) or "batch"
        body = hashlib.sha256(f"{len(file)}\n".encode() + file + name.encode()).hexdigest()
        if key is not None and (earlier := self.batches.by_key(account.id, key, body)) is not None:
            return earlier
        manifest = read_manifest(file, self.limits)
        found = self.batches.add(manifest, file, name=name, account=account, body_sha256=body, key=key)
        self._wake()
        return found

    def cancel(self, batch_id: str, account: Account) -> None:
        """Do nothing more of a batch; what is done stays. `Conflict` if it has ended."""
        self.batches.cancel(batch_id, account)

    def resume(self, batch_id: str, account: Account) -> None:
        """Try again all that failed in a batch; `Conflict` if nothing did, or it still runs."""
        self.batches.resume(batch_id, account)
        self._wake()

    def start(self, executor: Executor | None) -> None:
        """Have the chunks done by somebody of this process; None where others do them."""
        self.executor = executor
        if executor is not None:
            executor.start()

    def stop(self, seconds: float = 10.0) -> None:
        """End what `start` began."""
        executor, self.executor = self.executor, None
        if executor is not None:
            executor.stop(seconds)

    def _wake(self) -> None:
        if self.executor is not None:
            self.executor.wake()


def plain_name(name: str) -> str:
    """A name as far as it prints."""
    return "".join(c for c in name.replace("\\", "/").rpartition("/")[2] if c.isprintable())[-LONGEST_NAME:]
