"""All commands in one place."""

from __future__ import annotations

import os
import sys

import typer

from portcullis.cli import (
    assess,
    audit,
    backup,
    batch,
    bench,
    bundle,
    check,
    codes,
    demo,
    evaluate,
    images,
    import_,
    key,
    models,
    panel,
    rank,
    replay,
    restore,
    score,
    serve,
    store,
    suggest,
    train,
    user,
    webhook,
    work,
    world,
    xray,
)

app = typer.Typer(
    name="portcullis",
    help="Customs risk from declaration, text, photo and X-ray.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("world")(world.world)
app.command("import")(import_.import_)
app.command("panel")(panel.panel)
app.command("train")(train.train)
app.command("score")(score.score)
app.command("rank")(rank.rank)
app.command("replay")(replay.replay)
app.command("suggest")(suggest.suggest)
app.command("evaluate")(evaluate.evaluate)
app.command("bench")(bench.bench)
app.command("assess")(assess.assess)
app.command("serve")(serve.serve)
app.command("work")(work.work)
app.command("demo")(demo.demo)
app.command("xray")(xray.xray)
app.command("bundle")(bundle.bundle)
app.command("backup")(backup.backup)
app.command("restore")(restore.restore)
app.add_typer(audit.audit, name="audit")
app.add_typer(images.images, name="images")
app.add_typer(batch.batch, name="batch")
app.add_typer(codes.codes, name="codes")
app.add_typer(user.user, name="user")
app.add_typer(models.models, name="models")
app.add_typer(webhook.webhook, name="webhook")
app.add_typer(key.key, name="key")
app.command("check")(check.check)
app.add_typer(store.store, name="store")


def main() -> None:
    """Run the command line; bad input is one clear line and exit code 2."""
    # OpenMP's idle threads spin by default: on shared cores that made training ten times slower
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        from customs.errors import CustomsError  # not before: `--help` must be quick

        if not isinstance(error, CustomsError):
            from portcullis.store.trouble import reason_of, trouble_of

            trouble = trouble_of(error)
            if trouble is None:
                raise
            print(f"portcullis: the store is {trouble} ({reason_of(error)})", file=sys.stderr)
            sys.exit(2)
        for problem in error.problems:
            print(f"portcullis: {problem}", file=sys.stderr)
        sys.exit(2)
