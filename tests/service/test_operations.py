"""What the operations documents, the container files and the systemd unit name is there."""

from __future__ import annotations

import dataclasses
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
import typer
import yaml

from portcullis.cli.app import app
from portcullis.identity import Registry
from portcullis.identity.secret import signing_key
from portcullis.service import utc_now
from portcullis.settings import PREFIX, Settings
from portcullis.store import open_store
from portcullis.store.accounts import Role
from portcullis.store.audit import Audit

ROOT = Path(__file__).parents[2]
DOCUMENTS = ROOT / "docs" / "operations"
FILES = [*DOCUMENTS.iterdir(), ROOT / "compose.yaml", ROOT / "Containerfile"]
PACKAGES = ["data/customs", "tabular_ae", "xray_encoder", "hs_classifier", "fusion", "platform/portcullis"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_setting_that_is_named_exists(path: Path) -> None:
    """A document must not outlive a setting."""
    known = {f"{PREFIX}{field.name.upper()}" for field in dataclasses.fields(Settings)}
    named = set(re.findall(rf"{PREFIX}[A-Z_]*[A-Z]", path.read_text(encoding="utf-8")))
    assert {name for name in named if name not in known and name.removesuffix("_FILE") not in known} == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_command_that_is_named_exists(path: Path) -> None:
    """`portcullis store upgrade` and all others."""
    known = commands(typer.main.get_command(app))
    shown = path.read_text(encoding="utf-8")
    begins = r"(?:^(?:\S+=\S+ )*|`(?:\S+=\S+ )?|/bin/|exec service |\* {2})"
    for first, second in re.findall(rf"{begins}portcullis ([a-z-]+)(?: ([a-z-]+))?", shown, re.M):
        assert first in known, first
        if known[first] and second:
            assert second in known[first], (first, second)


def commands(group: Any) -> dict[str, set[str]]:
    """Sub-commands by command."""
    return {name: set(getattr(found, "commands", {})) for name, found in group.commands.items()}


@pytest.mark.parametrize("path", sorted(DOCUMENTS.glob("*.md")), ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    """Files and headings."""
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        file, _, heading = target.partition("#")
        there = (path.parent / file) if file else path
        assert there.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), re.M)
            assert heading in {title.lower().replace(" ", "-") for title in titles}, target


def test_the_service_of_the_compose_file_is_closed_in() -> None:
    """No root, no writable root file system, no capability, a limit for everything, secrets from files."""
    composed = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    for name in ("service", "worker"):
        found = composed["services"][name]
        assert found["read_only"] is True
        assert found["cap_drop"] == ["ALL"]
        assert found["security_opt"] == ["no-new-privileges:true"]
        assert found["depends_on"]["database"]["condition"] == "service_healthy"
        assert found["environment"]["PORTCULLIS_STORE_URL_FILE"].startswith("/run/secrets/")
    for name, found in composed["services"].items():
        assert found["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}, name
        assert set(found.get("secrets", [])) <= set(composed["secrets"]), name
        assert set(found["networks"]) <= set(composed["networks"]), name
        for volume in found["volumes"]:
            source = volume.split(":")[0]
            assert source.startswith("./") or source in composed["volumes"], volume
    known = commands(typer.main.get_command(app))
    assert {composed["services"][name]["command"][0] for name in ("service", "worker")} <= set(known)
    assert composed["services"]["service"]["ports"] == ["127.0.0.1:8000:8000"]
    assert composed["networks"]["inside"]["internal"] is True


def test_the_image_runs_as_nobody_in_particular_and_holds_all_packages() -> None:
    """Its last stage has a user, a health check and a signal to stop by, and no way to build."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Containerfile").read_text(encoding="utf-8"))
    first, last = text.split("\nFROM ${BASE}\n")
    copied = {
        word for line in first.splitlines() if line.startswith("COPY ") for word in shlex.split(line)[1:-1]
    }
    assert set(PACKAGES) <= copied
    assert all((ROOT / word).exists() for word in copied)
    ignored = (ROOT / ".containerignore").read_text(encoding="utf-8").split()
    assert {f"!{word}" for word in copied} <= set(ignored)
    for line in ("USER 10001:10001", "STOPSIGNAL SIGTERM", "HEALTHCHECK", 'ENTRYPOINT ["portcullis"]'):
        assert f"\n{line}" in last
    assert "pip" not in last
    assert "/readyz" in last


def test_the_service_s_role_cannot_undo_what_makes_the_store_append_only(postgres: Any) -> None:
    """The SQL of the document, run by psql; the service works with its role and can do no more."""
    shell = ["psql", "-X", "-q", "-v", "owner_password='own-word'", "-v", "service_password='serve-word'"]
    subprocess.run(
        [*shell, "-f", DOCUMENTS / "postgresql.sql", postgres.url()], check=True, capture_output=True
    )
    where = f"127.0.0.1:{postgres.port}/portcullis"
    try:
        open_store(f"postgresql://portcullis_owner:own-word@{where}").dispose()
        url = f"postgresql://portcullis_service:serve-word@{where}"
        engine = open_store(url)
        audit = Audit(engine, signing_key(b"secret"), utc_now)
        registry = Registry.open(engine, Settings(store_url=url), audit, b"secret", utc_now)
        registry.login.add("kim", "correct horse battery", Role.INSPECTOR)
        assert registry.accounts.count() == 1
        for forbidden in (
            "DROP TABLE audit",
            "TRUNCATE audit",
            "ALTER TABLE audit DISABLE TRIGGER ALL",
            "DROP TRIGGER audit_append_only ON audit",
            "DROP FUNCTION portcullis_append_only() CASCADE",
            "CREATE TABLE mine (a integer)",
        ):
            with pytest.raises(sa.exc.ProgrammingError, match=r"must be owner|denied"), engine.begin() as own:
                own.exec_driver_sql(forbidden)
        engine.dispose()
    finally:
        with psycopg.connect(postgres.url(), autocommit=True) as admin:
            admin.execute("DROP DATABASE portcullis WITH (FORCE)")
            admin.execute("DROP ROLE portcullis_owner, portcullis_service")
