"""What `migrate.generate` does, and how it shows what it did."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lamin_migrate_kit.comparison import compare_module
from lamin_migrate_kit.errors import ServerError
from lamin_migrate_kit.fingerprint import environment, versions_used
from lamin_migrate_kit.generation import GenerateOptions, GenerateResult, generate_revision
from lamin_migrate_kit.proof.rows.fill import fill_tables
from lamin_migrate_kit.proof.rows.sources import rows_folder
from lamin_migrate_kit.report.json import document, environment_fields, print_document, proof_fields
from lamin_migrate_kit.report.terminal import (
    kept_and_not_compared,
    print_lines,
    print_note,
    print_proof,
    print_text,
)
from lamin_migrate_kit.tasks.asking import terminal_asker
from lamin_migrate_kit.tasks.reporting import progress_for
from lamin_migrate_kit.workbench import open_workbench

if TYPE_CHECKING:
    from lamin_migrate_kit.report.model import Environment
    from lamin_migrate_kit.schema_module import SchemaModule
    from lamin_migrate_kit.settings import Settings
    from lamin_migrate_kit.workbench import Workbench

_COMMAND = "migrate.generate"


def generate(settings: Settings, options: GenerateOptions, *, no_input: bool, format: str) -> int:
    """Generate a revision and show it. The exit code is 0 also when there is nothing to generate."""
    progress = progress_for(format)
    with ExitStack() as stack:
        with progress.running("a Postgres to prove it on"):
            bench = _on_lowest(stack, settings)
        where = environment(bench.server) if format == "json" else versions_used(bench.server)
        progress.begin(where, f"{bench.module.package} {bench.module.version}")
        ask = terminal_asker(no_input=no_input, format=format)
        # Nothing may turn while a question waits for its answer.
        with progress.running("comparing, rendering, proving") if ask is None else ExitStack():
            fill = partial(fill_tables, folder=rows_folder(bench.module))
            result = generate_revision(bench, options, ask, fill=fill)
        _show(bench.module, result, where, format)
    return 0


def _on_lowest(stack: ExitStack, settings: Settings) -> Workbench:
    """A workbench on the lowest Postgres that the module supports, so that what is generated is valid there.

    Where it is not to be had, on the one that is: `invoke ci` then says that the lowest is NOT PROVEN.
    """
    if settings.postgres and settings.major is None:
        with suppress(ServerError):
            return stack.enter_context(open_workbench(replace(settings, major=settings.postgres[0])))
    return stack.enter_context(open_workbench(settings))


def plan(settings: Settings, options: GenerateOptions, *, format: str) -> int:
    """What `generate` would write, for `invoke --dry`: compared and decided, not written."""
    with open_workbench(settings) as bench:
        comparison = compare_module(bench, options.decisions)
        where = environment_fields(environment(bench.server)) if format == "json" else {}
    comparison.require_decisions()
    if format == "json":
        operations = list(comparison.upgrade_lines())
        print_document(
            document(_COMMAND, "planned", module=bench.module.package, environment=where, operations=operations)
        )
    else:
        print_note("would write nothing" if comparison.empty else "would write, into upgrade():")
        print_lines(comparison.missing_lines())
    return 0


def _show(module: SchemaModule, result: GenerateResult, where: Environment, format: str) -> None:
    if format == "json":
        print_document(_document(module, result, where))
    elif result.path is None:
        _print_remarks(result)
        print_text("nothing to generate: models and revisions agree", "bold green")
    else:
        _print_result(module, result, module.shown(result.path))


def _print_result(module: SchemaModule, result: GenerateResult, path: str) -> None:
    for proof in result.proofs:
        print_proof(proof)
    if result.comparison:
        found = result.comparison
        for title, lines in (("upgrade", found.upgrade_lines()), ("downgrade", found.downgrade_lines())):
            print_text()
            print_text(title, "bold")
            print_lines([f"    {line}" for line in lines])
    _print_remarks(result)
    if result.comparison:
        print_text()
    print_text(f"wrote {path}", "bold green")
    print_text(f'set   _migration = "{result.revision}" in {module.shown(module.init_file)}')
    by_hand = "" if result.comparison else f"fill upgrade() and downgrade() in {path}, then: "
    print_text(f"next: {by_hand}invoke ci")


def _print_remarks(result: GenerateResult) -> None:
    found = result.comparison
    remarks = [*found.notes, *kept_and_not_compared(found.kept, found.not_compared)] if found else []
    if remarks and result.path:
        print_text()
    for remark in remarks:
        print_note(remark)
    if remarks and not result.path:  # the header ended with an empty line
        print_text()


def _document(module: SchemaModule, result: GenerateResult, where: Environment) -> dict[str, object]:
    found = result.comparison
    return document(
        _COMMAND,
        "generated" if result.path else "nothing",
        module=module.package,
        environment=environment_fields(where),
        path=module.shown(result.path) if result.path else None,
        revision=result.revision,
        text=result.text or None,
        proofs=[proof_fields(proof) for proof in result.proofs],
        upgrade=list(found.upgrade_lines()) if found else [],
        downgrade=list(found.downgrade_lines()) if found else [],
        renames=[candidate.as_json() for candidate in found.candidates] if found else [],
        kept=list(found.kept) if found else [],
        not_compared=[{"kind": kind, "name": name} for kind, name in found.not_compared] if found else [],
        notes=list(found.notes) if found else [],
    )
