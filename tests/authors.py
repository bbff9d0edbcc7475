"""An author of a small schema module: writes models and revisions, generates, compares, looks at what came of it."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

from lamin_migrate_kit.catalog.model import Catalog
from lamin_migrate_kit.comparison import Ask, Comparison, compare_module
from lamin_migrate_kit.decisions import Decisions
from lamin_migrate_kit.generation import Fill, GenerateOptions, GenerateResult, generate_revision
from lamin_migrate_kit.schema_module import SchemaModule
from lamin_migrate_kit.scratch import PREFIX, ScratchDatabase
from lamin_migrate_kit.servers import Server, open_engine
from lamin_migrate_kit.settings import Settings
from lamin_migrate_kit.workbench import Workbench
from tests.dumps import dump_schema
from tests.histories import History

_HEAD = """
import enum
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

metadata = sa.MetaData()


"""


class Author:
    """Every author has a package of their own, so that models are imported anew whenever they have changed."""

    def __init__(self, root: Path, server: Server, *, schema_id: str = "smal") -> None:
        self.server = server
        self.history = History(root, f"lnschema_{secrets.token_hex(4)}", schema_id)
        self.settings: dict[str, Any] = {}

    def close(self) -> None:
        """Leave nothing in the process."""
        self._forget()
        sys.path[:] = [place for place in sys.path if place != str(self.history.root)]

    def models(self, source: str, *, head: str = _HEAD) -> None:
        """Write the models; `sa`, `pg`, `enum` and `metadata` are there."""
        self._forget()
        self.history.write_models(head + dedent(source))

    def _forget(self) -> None:
        package = self.history.package
        for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
            del sys.modules[name]

    def revise(self, upgrade: str, downgrade: str = "", **options: Any) -> str:
        """Write a revision by hand; returns its id."""
        return self.history.add(upgrade, downgrade, **options)

    @property
    def module(self) -> SchemaModule:
        return self.history.module

    @property
    def files(self) -> dict[str, bytes]:
        """All files of the package with their content."""
        paths = (path for path in self.history.folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {path.relative_to(self.history.folder).as_posix(): path.read_bytes() for path in paths}

    @contextmanager
    def bench(self) -> Iterator[Workbench]:
        """The module as it is now, on the tests' server."""
        settings = Settings(root=self.history.root, package=self.history.package, **self.settings)
        with ExitStack() as stack:
            yield Workbench(settings, self.module, self.server, stack)

    def compare(self, *flags: str, ask: Ask | None = None) -> Comparison:
        with self.bench() as bench:
            return compare_module(bench, decisions(*flags), ask)

    def generate(self, *flags: str, ask: Ask | None = None, fill: Fill | None = None, **options: Any) -> GenerateResult:
        """Generate a revision, and go on from it."""
        given = GenerateOptions(**{"today": "2023-02-16", "decisions": decisions(*flags), **options})
        with self.bench() as bench:
            result = generate_revision(bench, given, ask, fill=fill)
        if result.revision is not None and result.path is not None:
            self.history.revisions.append(result.revision)
        return result

    def body(self, result: GenerateResult, way: str = "upgrade") -> str:
        """What stands in `upgrade()` or `downgrade()` of a generated file, not indented."""
        _, _, rest = result.text.partition(f"def {way}() -> None:\n")
        return dedent(rest.partition("\n\n\ndef ")[0]).strip()

    def expect_equal(self, *, dump: bool = True) -> None:
        """The revisions make exactly what the models make, by the kit and by `pg_dump`.

        Args:
            dump: Not after a rename of a required column or its table: not-null constraints keep their names.
        """
        with self.bench() as bench:
            comparison = compare_module(bench, Decisions())
            assert comparison.empty, "\n".join([*comparison.missing_lines(), *comparison.diff.describe()])
            if not dump:
                return
            with bench.head_database.connect() as connection:
                connection.exec_driver_sql(f"DROP TABLE IF EXISTS {bench.module.version_table}")
                connection.commit()
            assert dump_schema(bench.head_database.url) == dump_schema(bench.desired_database.url)

    def scratch_databases(self, pid: int | None = None) -> list[str]:
        """What a process, this one by default, has left on the server."""
        with open_engine(self.server.url).connect() as connection:
            names = connection.exec_driver_sql("SELECT datname FROM pg_database").scalars()
            return [name for name in names if name.startswith(PREFIX) and f"_{pid or os.getpid()}_" in name]

    def head(self) -> Catalog:
        with self.bench() as bench:
            return bench.head_catalog

    @contextmanager
    def head_database(self) -> Iterator[ScratchDatabase]:
        with self.bench() as bench:
            yield bench.head_database


def decisions(*flags: str) -> Decisions:
    """Flags as typed, one or more a string."""
    given = Decisions()
    for flag in flags:
        given = given.with_flags(flag)
    return given
