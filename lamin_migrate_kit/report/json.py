"""The result model as JSON: sorted, stable, one document a command, `format` says which shape it has."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict

from lamin_migrate_kit.errors import MigrateKitError
from lamin_migrate_kit.report.model import Environment, Proof, Report
from lamin_migrate_kit.report.redact import redact

FORMAT = 1


def document(command: str, status: str, **fields: object) -> dict[str, object]:
    """A document with the three fields that every command's has."""
    return {"format": FORMAT, "command": command, "status": status, **fields}


def error_document(command: str, error: MigrateKitError) -> dict[str, object]:
    """What a command that could not run, or that kept nothing because a proof failed, prints as its document."""
    return document(command, "failed" if error.exit_code == 1 else "error", error=error_fields(error))


def error_fields(error: MigrateKitError) -> dict[str, object]:
    """An error as an object: `kind`, `what`, `where`, `next`, `details`; null where there is nothing to say."""
    texts = {"what": error.what, "where": error.where, "next": error.next_command, "details": error.details}
    shown = {name: redact(text) if text else None for name, text in texts.items()}
    return {**shown, "kind": type(error).__name__}


def to_json(fields: Mapping[str, object]) -> str:
    """Sorted and ASCII, so that it is the same bytes on every machine and under every locale."""
    return json.dumps(fields, indent=2, sort_keys=True, ensure_ascii=True)


def print_document(fields: Mapping[str, object]) -> None:
    """Print a document, the only thing that a command prints on stdout with `--format json`."""
    sys.stdout.write(to_json(fields) + "\n")
    sys.stdout.flush()


def report_document(report: Report, **more: object) -> dict[str, object]:
    """The document of a command that ran proofs; `status` is `passed` or `failed`."""
    return document(
        report.command,
        "passed" if report.passed else "failed",
        module=report.module,
        environment=environment_fields(report.environment),
        proofs=[proof_fields(proof) for proof in report.proofs],
        missing=list(report.missing),
        not_compared=[{"kind": kind, "name": name} for kind, name in report.not_compared],
        kept=list(report.kept),
        notes=list(report.notes),
        changes=asdict(report.changes) if report.changes else None,
        **more,
    )


def environment_fields(environment: Environment) -> dict[str, object]:
    """What a run ran on, as an object; the server's settings as one inside it."""
    return {**asdict(environment), "settings": dict(environment.settings)}


def proof_fields(proof: Proof) -> dict[str, object]:
    """A proof as an object."""
    return {**asdict(proof), "status": proof.status.value, "seconds": round(proof.seconds, 3)}
