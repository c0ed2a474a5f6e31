"""Putting an evidence bundle together from the store."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa

from customs.artefact import MANIFEST as MODEL_MANIFEST
from customs.errors import CustomsError
from customs.sentences import LANGUAGES
from portcullis.bundle import container
from portcullis.bundle.readable import readable
from portcullis.identity.secret import public_pem
from portcullis.store.assessments import Assessments, assessment, vouched
from portcullis.store.audit import Act, Audit, Entry, audit, canonical
from portcullis.store.casework import Casework
from portcullis.store.engine import snapshot, writing
from portcullis.store.images import Images
from portcullis.store.vouching import KINDS

_SUFFIXES = (
    (b"\x89PNG", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"II*\0", "tif"),
    (b"MM\0*", "tif"),
    (b"RIFF", "webp"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
)
_README = """Portcullis evidence bundle / 증거 묶음

All that was stored about one case: what was declared, the files as uploaded, the report, what officers did,
and the entries of the audit log that vouch for it. Check it, offline and without the platform's data:

    portcullis audit verify-bundle THIS.zip --key PUBLIC.pem --head NUMBER:HASH

PUBLIC.pem is the agency's public key (`portcullis audit key`); get it from the agency, not from this bundle.
NUMBER:HASH is a head of the audit log that somebody wrote down before this export (`portcullis audit head`).

한 건에 관하여 저장된 모든 것입니다: 신고 내용, 올린 그대로의 파일, 보고서, 처리 기록, 그리고 이를 보증하는
감사 기록. 위 명령으로 인터넷과 플랫폼 없이 확인할 수 있습니다. 공개 키는 이 묶음이 아니라 기관에서 직접
받으십시오.

assessment.json  exactly what the entry "assess" vouches for (its sha256 is in the entry)
declaration.json, report.json, report.ko.html, report.en.html  the same, to be read
scan/, photo, heatmap.png  files, each vouched for by its sha256 in assessment.json
casework/  decisions, outcomes, notes and assignments, a line each as its entry vouches for it
audit.jsonl  the case's entries in full; links.txt  digests that link them to the head of the chain
versions.json  the models and the policy that judged
manifest.json, manifest.sig  sha256 of every file, signed
"""


@dataclass(frozen=True)
class Bundles:
    """Makes evidence bundles from one store. models: the folder where model folders are looked for."""

    engine: sa.Engine
    images: Images
    audit: Audit
    assessments: Assessments
    casework: Casework
    models: Path

    def export(self, assessment_id: str, actor: str, file: IO[bytes]) -> None:
        """Write the bundle of one case to `file`, and that it was taken to the audit log.

        Raises:
            KeyError: there is no such assessment.
        """
        with writing(self.engine) as connection:
            _row(connection, assessment_id)
            self.audit.write(connection, Act(actor, "export", assessment_id, {"what": "bundle"}))
        self.write(assessment_id, file)

    def write(self, assessment_id: str, file: IO[bytes]) -> None:
        """Write the bundle: the same bytes for the same state of the store."""
        with snapshot(self.engine) as connection:
            members = dict(self._members(connection, assessment_id))
            head = Entry(*connection.execute(sa.select(audit).order_by(audit.c.number.desc()).limit(1)).one())
        names = container.in_order(members)
        manifest = {
            "bundle": container.FORMAT,
            "assessment": assessment_id,
            "head": {"number": head.number, "hash": head.hash, "signature": head.signature},
            "files": [_described(name, members[name]) for name in names],
        }
        text = canonical(manifest).encode()
        signature = self.audit.key.sign(container.SIGNED + text).hex().encode()
        signed = [(container.MANIFEST, text), (container.SIGNATURE, signature)]
        if sum(map(len, members.values())) > container.MAX_BYTES * 0.9:
            raise CustomsError("this case is too large for a bundle", field="id", remedy="take its parts")
        container.write(file, [*signed, *((name, members[name]) for name in names)])

    def _members(self, connection: sa.Connection, assessment_id: str) -> Iterator[tuple[str, bytes]]:
        row = _row(connection, assessment_id)
        values = vouched(row)
        entries = [
            Entry(*found)
            for found in connection.execute(
                sa.select(audit).where(audit.c.subject == assessment_id).order_by(audit.c.number)
            )
        ]
        yield container.README, _README.encode()
        yield container.KEY, public_pem(self.audit.public_key).encode()
        yield container.ROW, canonical(values).encode()
        yield container.DECLARATION, _pretty(values["declaration"])
        yield container.REPORT, _pretty(values["report"])
        files = dict(self._files(row))
        yield from files.items()
        for kind in KINDS:
            if kind.action in container.CASEWORK:
                query = sa.select(kind.table).where(kind.table.c[kind.subject] == assessment_id)
                rows = connection.execute(query.order_by(kind.table.c.number))
                lines = [canonical(kind.values(found._asdict())) for found in rows]
                yield f"casework/{kind.action}.jsonl", _lines(lines)
        yield container.ENTRIES, _lines(canonical(dataclasses.asdict(entry)) for entry in entries)
        links = _links(connection, entries)
        if links is not None:
            yield container.LINKS, _lines(links)
        yield container.VERSIONS, _pretty(_versions(values["report"], self.models))
        case = self.assessments.get(assessment_id)
        assert case is not None
        told = {entry.values.get("id") for entry in entries}
        events = [event for event in self.casework.history(assessment_id) if event.id in told]
        pictures = [name for name in files if not name.startswith("scan/")]
        for language in LANGUAGES:
            yield f"report.{language}.html", readable(case, events, entries, pictures, language).encode()

    def _files(self, row: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
        details = row["scan_details"]
        scans = [{"name": "", "sha256": row["scan"]}] if details is None else details["files"]
        if row["scan"] is not None:
            for number, file in enumerate(scans, 1):
                content = self.images.read(file["sha256"])
                yield f"scan/{number}-{_safe(file['name'], content)}", content
        if row["photo"] is not None:
            content = self.images.read(row["photo"])
            yield f"photo.{_suffix(content)}", content
        if row["heatmap"] is not None:
            yield "heatmap.png", self.images.read(row["heatmap"])


def _row(connection: sa.Connection, assessment_id: str) -> Mapping[str, Any]:
    found = connection.execute(sa.select(assessment).where(assessment.c.id == assessment_id)).one_or_none()
    if found is None:
        raise KeyError(assessment_id)
    return found._asdict()


def _links(connection: sa.Connection, entries: list[Entry]) -> list[str] | None:
    """Digests of all entries from the case's first to the head; None where there are too many."""
    if not entries:
        return None
    first = entries[0].number
    last = connection.scalar(sa.select(sa.func.max(audit.c.number))) or 0
    if last - first >= container.MAX_LINKS:
        return None
    query = sa.select(audit).where(audit.c.number >= first).order_by(audit.c.number)
    rows = connection.execute(query.execution_options(yield_per=2_000))
    return [Entry(*row).body for row in rows]


def _versions(report: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Each model that judged, with the digest of its manifest and its figures where it is still here."""
    here = {}
    for path in sorted(folder.glob(f"**/{MODEL_MANIFEST}")):
        data = path.read_bytes()
        try:
            manifest = json.loads(data)
            version = f"{manifest['kind']}@{manifest['fingerprint'][:12]}"
            found = {"manifest_sha256": hashlib.sha256(data).hexdigest(), "figures": manifest["figures"]}
        except (ValueError, KeyError, TypeError):
            continue
        here[version] = found
    reports = [report, *report["lines"]]
    versions = dict(item for one in reports for item in one["versions"].items())
    return {name: {"version": version, **here.get(version, {})} for name, version in sorted(versions.items())}


def _described(name: str, content: bytes) -> dict[str, Any]:
    return {"name": name, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def _safe(name: str, content: bytes) -> str:
    """A file's own name in letters that every system can unpack; the one it came with stands in the row."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("._-")[-80:].lstrip("._-")
    return plain or f"scan.{_suffix(content)}"


def _suffix(content: bytes) -> str:
    return next((suffix for magic, suffix in _SUFFIXES if content.startswith(magic)), "bin")


def _pretty(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
