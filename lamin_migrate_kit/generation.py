"""A comparison -> a revision file that is proven before it is kept."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lamin_migrate_kit.catalog.model import Catalog
from lamin_migrate_kit.comparison import Ask, Comparison, compare_module
from lamin_migrate_kit.decisions import Decisions
from lamin_migrate_kit.diff.differ import diff_catalogs
from lamin_migrate_kit.errors import MigrateKitError, ProofFailed, RevisionError
from lamin_migrate_kit.operations.model import Operation
from lamin_migrate_kit.report.model import Finding, Proof, Status
from lamin_migrate_kit.revisions.naming import new_revision_id, revision_filename
from lamin_migrate_kit.revisions.rendering import render_revision
from lamin_migrate_kit.revisions.writing import new_revision

if TYPE_CHECKING:
    from lamin_migrate_kit.schema_module import SchemaModule
    from lamin_migrate_kit.workbench import Workbench


@dataclass(frozen=True, slots=True)
class GenerateOptions:
    """What `migrate.generate` was asked for.

    Attributes:
        today: The date in the file's name, `YYYY-MM-DD`.
        revision_id: The id; None makes a new one.
        message: What the revision is for, for its docstring.
        empty: Write an empty revision, to fill by hand.
        decisions: What is decided already.
    """

    today: str
    revision_id: str | None = None
    message: str | None = None
    empty: bool = False
    decisions: Decisions = field(default_factory=Decisions)


@dataclass(frozen=True, slots=True)
class GenerateResult:
    """What became of it.

    Attributes:
        path: The new file; None when there was nothing to generate.
        revision: Its id.
        text: Its content.
        comparison: What it is made from; None for an empty one.
        proofs: What was proven of it.
    """

    path: Path | None
    revision: str | None = None
    text: str = ""
    comparison: Comparison | None = None
    proofs: tuple[Proof, ...] = ()


def generate_revision(bench: Workbench, options: GenerateOptions, ask: Ask | None = None) -> GenerateResult:
    """Compare, decide, render, prove, write.

    Args:
        bench: The schema module on a server.
        options: What was asked for.
        ask: Who answers questions; None stops at the first that is open.

    Returns:
        The new revision; or none, when the models match the revisions.

    Raises:
        DecisionNeeded: Something is open and nobody is there to ask; nothing was written.
        ProofFailed: The revision does not do what it should; it is shown in `details` and not kept.
        RevisionError: The history or `_migration` is not in order.
    """
    _require_order(bench)
    revision = _checked_id(bench, options.revision_id)
    if options.empty:
        return _write(bench, options, revision, _render(bench, options, revision, (), ()), None, ())
    comparison = compare_module(bench, options.decisions, ask)
    if comparison.empty:
        return GenerateResult(None, comparison=comparison)
    comparison.require_decisions()
    keeps = [f"# migrate-kit: keep {name} because --keep says so" for name in options.decisions.keeps]
    up, down = [*keeps, *_lines(comparison.upgrade)], _lines(comparison.downgrade)
    text = _render(bench, options, revision, up, down, comparison)
    proofs = prove_text(bench, options, revision, text, comparison)
    return _write(bench, options, revision, text, comparison, proofs)


def _require_order(bench: Workbench) -> None:
    """`_migration` has to name the head: else the author is in the middle of something."""
    module, head = bench.module, bench.history.head
    expected = head.id if head else None
    if module.migration_line is not None and module.migration != expected:
        written = f'"{expected}"' if expected else "None"
        raise RevisionError(
            f"_migration is {module.migration!r}, and the newest revision is {expected!r}.",
            where=f"{module.shown(module.init_file)}:{module.migration_line}",
            next_command=f"set _migration = {written} in {module.shown(module.init_file)}",
        )


def _checked_id(bench: Workbench, wanted: str | None) -> str:
    if wanted is None:
        return new_revision_id()
    if not wanted.isidentifier() and not wanted.isalnum():
        raise RevisionError(
            f"{wanted!r} is no revision id: letters, digits and underscores only.",
            next_command="invoke migrate.generate --revision-id dd2b4a9499f2",
        )
    if bench.history.get(wanted):
        raise RevisionError(f"There is a revision {wanted} already.", where=str(bench.history.get(wanted)))
    return wanted


def _lines(operations: Sequence[Operation]) -> list[str]:
    return [line for operation in operations for line in operation.lines]


def _render(
    bench: Workbench,
    options: GenerateOptions,
    revision: str,
    upgrade: Sequence[str],
    downgrade: Sequence[str],
    comparison: Comparison | None = None,
) -> str:
    head = bench.history.head
    operations = (*comparison.upgrade, *comparison.downgrade) if comparison else ()
    notes = [options.message] if options.message else []
    if comparison and comparison.loses:
        notes.append(f"The downgrade does not bring back {', '.join(comparison.loses)}.")
    return render_revision(
        id=revision,
        down=head.id if head else None,
        upgrade=upgrade,
        downgrade=downgrade,
        notes=notes,
        imports=sorted({line for operation in operations for line in operation.imports}),
    )


def prove_text(
    bench: Workbench, options: GenerateOptions, revision: str, text: str, comparison: Comparison
) -> tuple[Proof, ...]:
    """Run a revision's text: up, compare, down, compare, up, compare. Nothing of the module's own is touched.

    Raises:
        ProofFailed: With the text and what is wrong with it.
    """
    with tempfile.TemporaryDirectory(prefix="lamin-migrate-") as folder:
        module = _copy_with(bench.module, Path(folder), revision_filename(options.today, revision, None), text)
        return _prove_module(bench, module, text, comparison)


def _copy_with(module: SchemaModule, folder: Path, filename: str, text: str) -> SchemaModule:
    copy = replace(module, folder=folder / module.folder.name)
    copy.versions_folder.mkdir(parents=True)
    if module.versions_folder.is_dir():
        for path in module.versions_folder.glob("*.py"):
            shutil.copy(path, copy.versions_folder)
    (copy.versions_folder / filename).write_text(text, encoding="utf-8")
    return copy


def _prove_module(bench: Workbench, module: SchemaModule, text: str, comparison: Comparison) -> tuple[Proof, ...]:
    from lamin_migrate_kit.alembic_bridge import downgrade, open_script, upgrade

    script = open_script(module)
    database = bench.clone(bench.head_database, "proof")
    head = bench.history.head
    wanted = {"upgrade": comparison.desired, "downgrade": comparison.current, "upgrade-again": comparison.desired}
    titles = {
        "upgrade": "the upgrade makes what the models declare",
        "downgrade": "the downgrade restores what was there",
        "upgrade-again": "the upgrade runs again after it",
    }
    proofs = []
    with database.connect() as connection:
        for name, desired in wanted.items():
            began = time.perf_counter()
            try:
                if name == "downgrade":
                    downgrade(connection, module, script, head.id if head else None)
                else:
                    upgrade(connection, module, script)
                connection.commit()
            except MigrateKitError as error:
                raise _failed(titles[name], text, [str(error)]) from error
            differences = _differences(bench.inspect_connection(connection), desired)
            connection.rollback()
            if differences:
                raise _failed(titles[name], text, differences)
            proofs.append(Proof(name, titles[name], Status.PASSED, time.perf_counter() - began))
    return tuple(proofs)


def _differences(reached: Catalog, desired: Catalog) -> list[str]:
    return list(diff_catalogs(reached, desired).describe())


def _failed(promise: str, text: str, differences: Sequence[str]) -> ProofFailed:
    findings = "\n".join(Finding(difference).message for difference in differences)
    return ProofFailed(
        f"The generated revision was not kept, because it does not hold that {promise}.",
        details=f"{findings}\n\n{text}",
        next_command="please report this with the text above; meanwhile: invoke migrate.generate --empty",
    )


def _write(
    bench: Workbench,
    options: GenerateOptions,
    revision: str,
    text: str,
    comparison: Comparison | None,
    proofs: tuple[Proof, ...],
) -> GenerateResult:
    filename = revision_filename(options.today, revision, None)
    new_revision(bench.module, filename, text, revision).commit()
    return GenerateResult(bench.module.versions_folder / filename, revision, text, comparison, proofs)
