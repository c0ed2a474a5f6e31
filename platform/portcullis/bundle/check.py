"""Checking an evidence bundle by itself: no store, no models, no network."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from customs.errors import UnreadableFile
from portcullis.bundle import container
from portcullis.identity.secret import fingerprint, read_public_pem
from portcullis.store.audit import Entry, Head, canonical, chained, check_entry

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_BLOCK = 1 << 20


@dataclass
class Found:
    """What was verified, what could not be, and every fault: sentences."""

    verified: list[str] = field(default_factory=list)
    not_verified: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class _Damaged(Exception):
    """So wrong that nothing that depends on it can be checked."""


def check(path: Path, trusted: Ed25519PublicKey | None = None, head: Head | None = None) -> Found:
    """Check everything in a bundle.

    trusted: the agency's public key, got elsewhere. head: an end of the chain as it was written down.
    """
    found = Found()
    try:
        with container.opened(path) as archive:
            _Checking(archive, path, found, trusted, head).run()
    except UnreadableFile as error:
        found.faults.append(error.problems[0].problem)
    except (_Damaged, zipfile.BadZipFile) as error:
        found.faults.append(str(error))
    return found


class _Checking:
    """One bundle while it is checked."""

    def __init__(
        self,
        archive: zipfile.ZipFile,
        path: Path,
        found: Found,
        trusted: Ed25519PublicKey | None,
        head: Head | None,
    ) -> None:
        self.archive = archive
        self.path = path
        self.found = found
        self.trusted = trusted
        self.wanted_head = head

    def run(self) -> None:
        """All checks, those first that others rest on."""
        digests = {name: self._digest(name) for name in self.archive.namelist()}
        key = self._key()
        manifest = self._manifest(key)
        self._files(manifest, digests)
        if not container.is_canonical(self.archive, self.path):
            self._fault("its files are intact, but the ZIP around them was changed")
        row = self._json(container.ROW)
        entries = self._entries(manifest["assessment"], key)
        self._chain(manifest, entries, key)
        self._report(row, entries, digests, manifest["assessment"])
        self._images(row, digests)
        self._casework(entries)
        if not self.found.faults:
            self.found.verified.append(
                "readable reports, versions and README are as the installation signed them"
            )

    def _digest(self, name: str) -> str:
        total = hashlib.sha256()
        try:
            with self.archive.open(name) as file:
                while block := file.read(_BLOCK):
                    total.update(block)
        except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError) as error:
            raise _Damaged(f"{name} cannot be read: {error}") from None
        return total.hexdigest()

    def _read(self, name: str) -> bytes:
        if self.archive.getinfo(name).file_size > container.MAX_TEXT:
            raise _Damaged(f"{name} is too large")
        return self.archive.read(name)

    def _json(self, name: str) -> dict[str, Any]:
        return _object(self._read(name), name)

    def _key(self) -> Ed25519PublicKey:
        try:
            key = read_public_pem(self._read(container.KEY))
        except UnreadableFile:
            raise _Damaged(f"{container.KEY} holds no key") from None
        if self.trusted is None:
            self.found.not_verified.append(
                "whose key signed it: ask the agency for its public key (`portcullis audit key`) and give it "
                f"with --key, or compare its fingerprint with this one: {fingerprint(key)}"
            )
        elif fingerprint(self.trusted) != fingerprint(key) or self.trusted != key:
            self._fault("it was signed by another installation than that of the key given")
        else:
            self.found.verified.append("it was signed by the installation of the key given")
        return self.trusted or key

    def _manifest(self, key: Ed25519PublicKey) -> dict[str, Any]:
        from cryptography.exceptions import InvalidSignature

        text = self._read(container.MANIFEST)
        try:
            signature = bytes.fromhex(self._read(container.SIGNATURE).decode("ascii"))
            key.verify(signature, container.SIGNED + text)
        except (InvalidSignature, ValueError):
            self._fault("the manifest's signature does not fit")
        else:
            self.found.verified.append("the manifest is signed")
        manifest = _object(text, container.MANIFEST)
        if manifest.get("bundle") != container.FORMAT:
            raise _Damaged("it is of another format than this program knows")
        head = manifest.get("head")
        shaped = (
            isinstance(manifest.get("assessment"), str)
            and isinstance(manifest.get("files"), list)
            and isinstance(head, dict)
            and isinstance(head.get("number"), int)
            and all(isinstance(head.get(name), str) for name in ("hash", "signature"))
        )
        if not shaped:
            raise _Damaged(f"{container.MANIFEST} lacks what it has to say")
        return manifest

    def _files(self, manifest: dict[str, Any], digests: dict[str, str]) -> None:
        listed = {}
        for file in manifest["files"]:
            if not isinstance(file, dict) or set(file) != {"name", "sha256", "size"}:
                raise _Damaged(f"{container.MANIFEST} describes a file badly")
            listed[str(file["name"])] = file
        there = set(digests) - {container.MANIFEST, container.SIGNATURE}
        for name in sorted(set(listed) - there):
            self._fault(f"{name} was taken out")
        for name in sorted(there - set(listed)):
            self._fault(f"{name} was added")
        for name in sorted(there & set(listed)):
            size = self.archive.getinfo(name).file_size
            if listed[name]["sha256"] != digests[name] or listed[name]["size"] != size:
                self._fault(f"{name} was changed")
        if self.found.faults and not set(listed) >= {container.ROW, container.ENTRIES}:
            raise _Damaged("what the rest is checked against is not there")
        if not self.found.faults:
            self.found.verified.append(f"all {len(listed)} files are there, unchanged, and no other")

    def _entries(self, subject: str, key: Ed25519PublicKey) -> list[Entry]:
        names = {f.name: int if f.name == "number" else str for f in fields(Entry)}
        entries: list[Entry] = []
        for line in self._read(container.ENTRIES).splitlines():
            values = _object(line, container.ENTRIES)
            if set(values) != set(names) or any(type(values[n]) is not kind for n, kind in names.items()):
                raise _Damaged(f"{container.ENTRIES} holds a line that is no entry")
            entries.append(Entry(**values))
        if not entries:
            raise _Damaged("there is no audit entry")
        before = len(self.found.faults)
        last = 0
        for entry in entries:
            for fault in check_entry(entry, key):
                self._fault(f"audit {fault}")
            if entry.subject != subject:
                self._fault(f"audit entry {entry.number}: it is about another case")
            if entry.number <= last:
                self._fault(f"audit entry {entry.number}: it stands in the wrong place")
            last = entry.number
        if len(self.found.faults) == before:
            self.found.verified.append(f"the case's {len(entries)} audit entries are signed and unchanged")
        return entries

    def _chain(self, manifest: dict[str, Any], entries: list[Entry], key: Ed25519PublicKey) -> None:
        from cryptography.exceptions import InvalidSignature

        head = Head(manifest["head"]["number"], manifest["head"]["hash"])
        try:
            key.verify(bytes.fromhex(manifest["head"]["signature"]), bytes.fromhex(head.hash))
        except (InvalidSignature, ValueError):
            self._fault("the signature of the log's head does not fit")
        if container.LINKS not in self.archive.namelist():
            self.found.not_verified.append(
                "that the entries belong to one chain up to its head: more entries lie between than a bundle "
                "carries; each is signed by itself"
            )
            if self.wanted_head is not None:
                self._fault(
                    f"the head {self.wanted_head.number} cannot be compared: this bundle has no links"
                )
            return
        links = self._read(container.LINKS).decode("ascii", "replace").splitlines()
        first = entries[0].number
        if len(links) != head.number - first + 1:
            self._fault(f"{container.LINKS} does not reach from the case's first entry to the head")
            return
        by_number = {entry.number: entry for entry in entries}
        current = entries[0].previous
        hashes = {first - 1: current}
        for number, link in enumerate(links, first):
            current = hashes[number] = chained(current, link)
            entry = by_number.pop(number, None)
            if entry is not None and (entry.body != link or entry.hash != current):
                self._fault(f"audit entry {number}: it does not belong into the chain")
                return
        if by_number or current != head.hash:
            self._fault("the chain does not lead to the head that was signed")
            return
        self.found.verified.append(f"they belong to one chain, up to entry {head.number} at the export")
        self._compare(hashes, head)

    def _compare(self, hashes: dict[int, str], head: Head) -> None:
        wanted = self.wanted_head
        if wanted is None:
            self.found.not_verified.append(
                "that the chain is the one that the agency wrote down: give a head of it with --head"
            )
        elif wanted.number not in hashes:
            low = min(hashes)
            self._fault(
                f"the head {wanted.number} cannot be compared: entries {low} to {head.number} are here"
            )
        elif hashes[wanted.number] != wanted.hash:
            self._fault(f"entry {wanted.number} of this chain is not the head that was written down")
        else:
            self.found.verified.append(f"the chain goes through entry {wanted.number} as it was written down")

    def _report(
        self, row: dict[str, Any], entries: list[Entry], digests: dict[str, str], subject: str
    ) -> None:
        assessed = [entry for entry in entries if entry.action == "assess"]
        before = len(self.found.faults)
        if len(assessed) != 1:
            self._fault(f"{len(assessed)} entries say that the case was assessed, not one")
        if any(_vouched(entry) != digests[container.ROW] for entry in assessed):
            self._fault("the report and declaration are not those that the audit log vouches for")
        if row.get("id") != subject:
            self._fault(f"{container.ROW} is of another case")
        for name, part in ((container.DECLARATION, "declaration"), (container.REPORT, "report")):
            if canonical(self._json(name)) != canonical(row.get(part)):
                self._fault(f"{name} is not what {container.ROW} holds")
        if len(self.found.faults) == before:
            self.found.verified.append("report and declaration are those that the audit log vouches for")

    def _images(self, row: dict[str, Any], digests: dict[str, str]) -> None:
        try:
            details = row["scan_details"]
            scans = [row["scan"]] if details is None else [file["sha256"] for file in details["files"]]
            wanted = sorted(name for name in (row["photo"], row["heatmap"], *scans) if name is not None)
        except (KeyError, TypeError):
            raise _Damaged(f"{container.ROW} does not name its files") from None
        pictures = ("scan/", "photo.", "heatmap.")
        there = sorted(digest for name, digest in digests.items() if name.startswith(pictures))
        if wanted != there:
            self._fault("scan, photo and heat-map are not the files that the report was made from")
        elif wanted:
            self.found.verified.append(
                f"the {len(wanted)} files of scan, photo and heat-map are the original ones"
            )

    def _casework(self, entries: list[Entry]) -> None:
        before, count = len(self.found.faults), 0
        for action in container.CASEWORK:
            name = f"casework/{action}.jsonl"
            wanted = [_vouched(entry) for entry in entries if entry.action == action]
            lines = self._read(name).splitlines() if name in self.archive.namelist() else []
            there = [hashlib.sha256(line).hexdigest() for line in lines]
            if there != wanted:
                self._fault(f"{name} is not what the audit log vouches for")
            count += len(there)
        if len(self.found.faults) == before:
            self.found.verified.append(
                f"{count} decisions, outcomes, notes and assignments are as they were made"
            )

    def _fault(self, text: str) -> None:
        self.found.faults.append(text)


def _vouched(entry: Entry) -> str | None:
    try:
        found: str = entry.values["sha256"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return found


def _object(text: bytes, name: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise _Damaged(f"{name} cannot be read") from None
    if not isinstance(found, dict):
        raise _Damaged(f"{name} cannot be read")
    return found
