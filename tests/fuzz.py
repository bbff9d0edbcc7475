"""Random pairs of models, with rows: generated, applied, compared, reversed, compared.

    python -m tests.fuzz --examples 5000 --seed 7

prints what was covered, and fails when a pair did or when a kind was in under 1 % of the examples. A pair that failed
is printed as small as it can be made, as DDL for a row of tests/acceptance.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from difflib import unified_diff
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import sqlmodel as sqm
from alembic.migration import MigrationContext
from alembic.operations import Operations
from hypothesis import HealthCheck, Phase, given, reject, seed, settings
from hypothesis.errors import UnsatisfiedAssumption
from sqlalchemy.exc import DBAPIError

from lamin_migrate_kit.alembic_bridge import refuses_values
from lamin_migrate_kit.catalog.desired import build_desired, statements_of
from lamin_migrate_kit.catalog.inspect import inspect_catalog
from lamin_migrate_kit.catalog.model import Catalog, CatalogObject, Column, Constraint, Table
from lamin_migrate_kit.comparison import Comparison, Replayed, Sides, compare_sides
from lamin_migrate_kit.comparison.running import run_operations, try_operations
from lamin_migrate_kit.decisions import Decisions
from lamin_migrate_kit.diff.differ import CatalogDiff, diff_catalogs
from lamin_migrate_kit.errors import SchemaModuleError
from lamin_migrate_kit.operations.model import Operation, Question
from lamin_migrate_kit.proof.rows.fill import fill_tables
from lamin_migrate_kit.scratch import scratch_database
from lamin_migrate_kit.servers import Server, open_server
from lamin_migrate_kit.settings import Settings
from lamin_migrate_kit.workbench import author_types
from tests.acceptance.runner import Database
from tests.fuzz_models import ModelSpec, build, pairs

_CONSTRAINTS = {"p": "primary key", "u": "unique", "f": "foreign key", "c": "check", "x": "exclusion constraint"}
KINDS = (
    "schema",
    "table",
    "column",
    "identity column",
    "generated column",
    "serial column",
    "enum column",
    *_CONSTRAINTS.values(),
    "index",
    "enum",
    "domain",
    "composite",
    "range",
    "sequence",
    "function",
    "procedure",
    "aggregate",
    "view",
    "materialized view",
    "rule",
    "trigger",
    "policy",
    "statistics",
    "comment",
    "rename",
)
"""What has to be in at least 1 % of the examples."""
_CLEAN = """
DO $$ DECLARE name text; BEGIN
FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
    EXECUTE format('DROP SCHEMA %%I CASCADE', name);
END LOOP; END $$;
CREATE SCHEMA public; COMMENT ON SCHEMA public IS 'standard public schema';
"""


class Fuzzer:
    """Two databases that are emptied for every pair."""

    def __init__(self, current: Database, desired: Database, *, dumps: bool = False) -> None:
        self.current, self.desired, self.dumps = current, desired, dumps
        self.examples = 0
        self.with_rows = 0
        self.unbuildable: Counter[str] = Counter()
        self.covered: Counter[tuple[str, str]] = Counter()

    def check(self, pair: tuple[ModelSpec, ModelSpec]) -> None:
        """Take a pair up and down; raises whatever is wrong, with the DDL of both sides."""
        try:
            self._check(build(pair[0]), build(pair[1]))
        except UnsatisfiedAssumption:
            for database in (self.current, self.desired):
                database.connection.rollback()
            raise
        except Exception as error:
            for database in (self.current, self.desired):
                database.connection.rollback()
            error.add_note(self.script(*pair))
            raise

    def script(self, *models: ModelSpec) -> str:
        """The DDL of models, as a row of an acceptance table would have it."""
        connection = self.current.connection
        sides = [";\n".join(statements_of(connection, build(model)) or ()).replace("%%", "%") for model in models]
        return "\n\n-- desired\n".join(sides)

    def _check(self, before: sa.MetaData, after: sa.MetaData) -> None:
        try:
            self._build(self.current, before)
            self._build(self.desired, after)
        except SchemaModuleError as error:
            self.unbuildable[error.what] += 1
            reject()  # what Postgres does not take is no example
        current, desired = self.current.catalog(), self.desired.catalog()
        sides = Sides(
            current=current,
            desired=desired,
            renamed=self._renamed,
            replayed=self._replayed,
            author_types=author_types(after, desired),
        )
        comparison = compare_sides(sides, Decisions(), ask=lambda question, *_: _answer(question, desired))
        self._note(comparison)
        if self._round_trip(comparison, rows=True):
            self.with_rows += 1
        else:
            self._build(self.current, before)
            assert self._round_trip(comparison, rows=False)

    @staticmethod
    def _build(database: Database, metadata: sa.MetaData) -> None:
        database.connection.exec_driver_sql(_CLEAN)
        database.connection.exec_driver_sql("CREATE SCHEMA core")  # what models make by code alone is in it
        build_desired(database.connection, metadata)
        database.connection.commit()

    def _renamed(self, operations: Any) -> Catalog:
        run_operations(self.current.connection, operations)
        catalog = inspect_catalog(self.current.connection)
        self.current.connection.rollback()
        return catalog

    def _replayed(self, operations: Any) -> Replayed:
        connection = self.desired.connection
        connection.exec_driver_sql("SET check_function_bodies = off")
        refused = try_operations(connection, operations)
        catalog = inspect_catalog(connection)
        connection.rollback()
        return Replayed(catalog, refused)

    def _round_trip(self, comparison: Comparison, *, rows: bool) -> bool:
        """Up, compare, down, compare, up; False when it is only that made-up rows do not suit."""
        connection = self.current.connection
        if rows:
            fill_tables(connection, comparison.current)
            connection.commit()
        counts = self.current.counts()
        up = comparison.upgrade_lines(), comparison.upgrade
        down = comparison.downgrade_lines(), comparison.downgrade
        try:
            self._run(*up)
            self._expect(comparison.desired, comparison)
            self._expect_rows(counts, comparison)
            if not comparison.kept and not comparison.current.objects.keys() - comparison.renamed.objects.keys():
                self._expect_dump(comparison)
            self._run(*down)
            self._expect(comparison.current, comparison)
            self._run(*up)
            self._expect(comparison.desired, comparison)
        except DBAPIError as error:
            connection.rollback()
            if rows and refuses_values(error.orig):
                return False
            error.add_note("\n".join((*comparison.upgrade_lines(), "# down", *comparison.downgrade_lines())))
            raise
        return True

    def _run(self, lines: tuple[str, ...], operations: tuple[Operation, ...]) -> None:
        imports = sorted({line for operation in operations for line in operation.imports})
        context = MigrationContext.configure(self.current.connection)
        names: dict[str, Any] = {"op": Operations(context), "sa": sa, "sqm": sqm}
        code = compile("\n".join([*imports, *lines]), "<revision>", "exec")
        with context.begin_transaction():
            exec(code, names)
        self.current.connection.commit()

    def _expect(self, wanted: Catalog, comparison: Comparison) -> None:
        left = diff_catalogs(self.current.catalog(), wanted)
        shown = (*left.describe(), *comparison.upgrade_lines(), "# down", *comparison.downgrade_lines())
        assert left.empty, "\n".join(shown)

    def _expect_rows(self, counts: dict[str, int], comparison: Comparison) -> None:
        renamed = {operation.key.name for operation in comparison.upgrade if operation.action == "rename"}
        dropped = {operation.key.name for operation in comparison.upgrade if operation.action == "drop"}
        now = self.current.counts()
        for table, count in counts.items():
            known = table in now and not any(name in table for name in renamed | dropped)
            assert not known or now[table] == count, f"{table} had {count} rows and has {now[table]}"

    def _expect_dump(self, comparison: Comparison) -> None:
        """`pg_dump` takes as long as all the rest."""
        if self.dumps:
            # Sorted: comments on columns stand in the physical order of these, which is no difference.
            ours, theirs = (sorted(_nameless(one.dump()).splitlines()) for one in (self.current, self.desired))
            assert ours == theirs, "\n".join((*unified_diff(ours, theirs, lineterm=""), *comparison.upgrade_lines()))

    def _note(self, comparison: Comparison) -> None:
        self.examples += 1
        seen = set(_covered(comparison.diff))
        seen |= {("rename", "rename") for operation in comparison.upgrade if operation.action == "rename"}
        self.covered.update(seen)

    def rare(self) -> list[str]:
        """The kinds that were in under 1 % of the examples."""
        seen = Counter[str]()
        for (kind, _), count in self.covered.items():
            seen[kind] = max(seen[kind], count)
        return [kind for kind in KINDS if seen[kind] * 100 < self.examples]

    def table(self) -> Iterator[str]:
        """What was covered, a line a kind."""
        verbs = ("create", "alter", "drop", "rename")
        yield f"{'kind':24}" + "".join(f"{verb:>8}" for verb in verbs)
        for kind in KINDS:
            counts = (self.covered[kind, verb] or "" for verb in verbs)
            yield f"{kind:24}" + "".join(f"{count:>8}" for count in counts)
        yield f"{self.examples} examples, {self.with_rows} with rows"
        yield from (f"not built, {count} times: {what}" for what, count in self.unbuildable.most_common(5))


def _nameless(dump: str) -> str:
    """A dump without names that the server chose for not-null constraints: those are no facts against models."""
    return re.sub(r' CONSTRAINT ("[^"]*"|\w+) NOT NULL', " NOT NULL", dump)


def _answer(question: Question, desired: Catalog) -> str:
    """The best guess; what may be dropped is, so that the models are reached."""
    flag = next((flag for flag in question.flags if flag.startswith("--drop")), question.flags[0])
    if "<SQL expression>" in flag:
        types = {str(column.key): column.type for column in desired.of(Column)}
        flag = flag.replace("<SQL expression>", _LITERALS.get(types[question.name], "NULL").replace("'", "'\\''"))
    return flag


_LITERALS = {"inet": "'::1'", "int4range": "'empty'", "tsvector": "''", "core.positive": "20"}


def _covered(diff: CatalogDiff) -> Iterator[tuple[str, str]]:
    for verb, values in (("create", diff.created), ("drop", diff.dropped)):
        for value in values:
            yield from ((kind, verb) for kind in _kinds(value))
            if getattr(value, "comment", None):
                yield "comment", verb
    for change in diff.changed:
        yield from ((kind, "alter") for kind in {*_kinds(change.current), *_kinds(change.desired)})
        if "comment" in change.fields:
            yield "comment", "alter"


def _kinds(value: CatalogObject) -> Iterator[str]:
    if isinstance(value, Constraint):
        yield _CONSTRAINTS[value.type]
        return
    yield value.key.kind.replace("_", " ")
    if isinstance(value, Column):
        flags = {"identity": value.identity, "generated": value.generated, "serial": value.serial}
        yield from (f"{flag} column" for flag, on in flags.items() if on)
        if "core.kind" in value.type:
            yield "enum column"
    if isinstance(value, Table) and value.row_security:
        yield "policy"


@contextmanager
def open_fuzzer(server: Server, *, dumps: bool = False) -> Iterator[Fuzzer]:
    """A fuzzer with databases of its own; with `dumps`, `pg_dump` looks at what was reached too."""
    with ExitStack() as stack:
        databases = [stack.enter_context(scratch_database(server, hint=hint)) for hint in ("current", "desired")]
        one, two = (Database(database, stack.enter_context(database.connect())) for database in databases)
        yield Fuzzer(one, two, dumps=dumps)


def run_examples(fuzzer: Fuzzer, examples: int, start: int, *, shrink: bool = True) -> None:
    """Check that many random pairs; always the same ones for a start."""
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)

    @seed(start)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
    )
    @given(pairs())
    def check(pair: tuple[ModelSpec, ModelSpec]) -> None:
        fuzzer.check(pair)

    run: Callable[[], None] = check
    run()


def main() -> None:
    """Check random pairs of models."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--examples", type=int, default=500)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--no-shrink", action="store_true", help="show the first failure as it was found")
    parser.add_argument("--dumps", action="store_true", help="compare with pg_dump too")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with (
        open_server(Settings(root=Path.cwd(), provider="embedded")) as server,
        open_fuzzer(server, dumps=arguments.dumps) as fuzzer,
    ):
        try:
            run_examples(fuzzer, arguments.examples, arguments.seed, shrink=not arguments.no_shrink)
        except Exception as error:
            notes = "\n".join(note for note in error.__notes__ if not note.startswith("Failing test case"))
            sys.exit(f"{type(error).__name__}: {error}\n{notes}\nafter {fuzzer.examples} examples")
        print("\n".join(fuzzer.table()))
        rare = fuzzer.rare()
    sys.exit(f"in under 1 % of the examples: {', '.join(rare)}" if rare else 0)


if __name__ == "__main__":
    main()
