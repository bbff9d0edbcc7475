"""The revision files as a linear history, read without running them."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lamin_migrate_kit.assignments import find_bindings, parse_python
from lamin_migrate_kit.errors import RevisionError
from lamin_migrate_kit.revisions.checksums import Checksum, read_checksums
from lamin_migrate_kit.revisions.naming import parse_filename
from lamin_migrate_kit.revisions.ways import Way, way_of

if TYPE_CHECKING:
    from lamin_migrate_kit.schema_module import SchemaModule


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision file.

    Attributes:
        id: Its `revision`.
        down: Its `down_revision`; None for the first one.
        path: The file.
        date: From the file name, such as `2023-02-16`; "" when the name has none.
        version: The release that contains it, from the file name (else from the recorded checksums); None while it is
            unreleased.
        doc: Its docstring, "" when it has none.
        way_back: What its `downgrade` does.
    """

    id: str
    down: str | None
    path: Path
    date: str
    version: str | None
    doc: str
    way_back: Way


@dataclass(frozen=True, slots=True)
class History:
    """A linear history.

    Attributes:
        revisions: The first one first.
    """

    revisions: tuple[Revision, ...] = ()

    @property
    def head(self) -> Revision | None:
        """The newest revision."""
        return self.revisions[-1] if self.revisions else None

    @property
    def released(self) -> tuple[Revision, ...]:
        """Those that a release contains."""
        return tuple(revision for revision in self.revisions if revision.version is not None)

    @property
    def unreleased(self) -> tuple[Revision, ...]:
        """Those that no release contains yet."""
        return tuple(revision for revision in self.revisions if revision.version is None)

    def get(self, id: str) -> Revision | None:
        """The revision with this id."""
        return next((revision for revision in self.revisions if revision.id == id), None)


def read_history(module: SchemaModule) -> History:
    """Read the revision files of a module.

    Raises:
        RevisionError: A file has a syntax error or no readable `revision` and `down_revision`; or the revisions are no
            single line: two heads, two bases, a merge, a cycle, a duplicate, a `down_revision` that does not exist.
    """
    return History(_in_line(module, read_revisions(module)))


def read_revisions(module: SchemaModule) -> tuple[Revision, ...]:
    """The revisions in no order, and not necessarily in one line; every one leads back to a first one.

    Raises:
        RevisionError: As `read_history`, but for more than one head or first revision.
    """
    recorded = read_checksums(module)
    revisions = tuple(_read_revision(module, path, recorded) for path in _revision_files(module.versions_folder))
    _refuse_duplicates(module, revisions)
    _refuse_missing(module, {revision.id: revision for revision in revisions})
    _refuse_cycle(module, revisions)
    return revisions


def _revision_files(folder: Path) -> list[Path]:
    """The files that Alembic would load; `.#…` are an editor's locks."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.glob("*.py") if path.name != "__init__.py" and path.name[0] != ".")


def _read_revision(module: SchemaModule, path: Path, recorded: Mapping[str, Checksum]) -> Revision:
    where = module.shown(path)
    try:
        tree = parse_python(path.read_bytes(), where, RevisionError)
    except OSError as error:
        raise RevisionError(
            f"{path.name} cannot be read: {error.strerror}.",
            where=where,
            next_command=f"move it out of {where.rpartition('/')[0]}, or make it a file that you may read",
        ) from error
    id = _read_id(tree, where)
    name = parse_filename(path.name)
    known = recorded.get(id)
    return Revision(
        id=id,
        down=_read_down(tree, where),
        path=path,
        date=name.date if name else "",
        version=name.version if name else (known.version if known else None),
        doc=ast.get_docstring(tree) or "",
        way_back=way_of(tree, "downgrade"),
    )


def _read_id(tree: ast.Module, where: str) -> str:
    bindings = find_bindings(tree, "revision")
    if not bindings:
        raise RevisionError(
            f"{where} has no line `revision = '…'`, so it is no revision.",
            where=where,
            next_command=f"add the line, or move the file out of {where.rpartition('/')[0]}",
        )
    last = bindings[-1]
    if len(bindings) > 1 or not last.value:
        why = "assigned more than once" if len(bindings) > 1 else (last.computed or "None")
        raise RevisionError(
            f"`revision` is {why} in {where}; it must be a plain string.",
            where=f"{where}:{last.line}",
            next_command=f"write it as one line at the top level of {where}:\nrevision = '…'",
        )
    return last.value


def _read_down(tree: ast.Module, where: str) -> str | None:
    bindings = find_bindings(tree, "down_revision")
    if not bindings:
        return None  # as Alembic reads it
    last = bindings[-1]
    merged = _merged(tree)
    if merged:
        raise RevisionError(
            f"{where} merges two branches ({', '.join(merged)}); a schema module's history is a single line, so that an"
            " instance is at one revision.",
            where=f"{where}:{last.line}",
            next_command="give each revision one down_revision, in the order in which they should run",
        )
    if len(bindings) > 1 or last.computed:
        why = "assigned more than once" if len(bindings) > 1 else last.computed
        raise RevisionError(
            f"`down_revision` is {why} in {where}; it must be a plain string, or None for the first revision.",
            where=f"{where}:{last.line}",
            next_command=f"write it as one line at the top level of {where}:\ndown_revision = '…'",
        )
    return last.value


def _merged(tree: ast.Module) -> list[str]:
    """The ids in `down_revision = ("a", "b")`; empty when it is no tuple or list."""
    for statement in tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        value = getattr(statement, "value", None)
        named = any(isinstance(target, ast.Name) and target.id == "down_revision" for target in targets)
        if named and isinstance(value, (ast.Tuple, ast.List, ast.Set)):
            return [ast.unparse(element) for element in value.elts]
    return []


def _in_line(module: SchemaModule, revisions: Sequence[Revision]) -> tuple[Revision, ...]:
    """Put revisions in order, the first one first; every way not to be a line is told on its own."""
    by_id = {revision.id: revision for revision in revisions}
    _refuse_several(module, [one for one in revisions if one.down is None], "first revisions", _TWO_BASES)
    downs = {revision.down for revision in revisions}
    _refuse_heads(module, by_id, [revision for revision in revisions if revision.id not in downs])
    after = {revision.down: revision for revision in revisions}
    line: list[Revision] = []
    while (revision := after.get(line[-1].id if line else None)) is not None:
        line.append(revision)
    return tuple(line)


_TWO_BASES = "set down_revision in all but the first one, to the revision before it"


def _refuse_duplicates(module: SchemaModule, revisions: Iterable[Revision]) -> None:
    counts = Counter(revision.id for revision in revisions)
    same = [revision for revision in revisions if counts[revision.id] > 1]
    if same:
        raise RevisionError(
            f"Two files are the revision {same[0].id}.",
            where=module.shown(same[0].path),
            details=_listed(module, [one for one in same if one.id == same[0].id]),
            next_command="delete one of them, or give it an id of its own",
        )


def _refuse_missing(module: SchemaModule, by_id: Mapping[str, Revision]) -> None:
    for revision in by_id.values():
        if revision.down is not None and revision.down not in by_id:
            shown = module.shown(revision.path)
            raise RevisionError(
                f"{shown} has down_revision = {revision.down!r}, and there is no such revision in"
                f" {module.shown(module.versions_folder)}.",
                where=shown,
                next_command=f"git log --all --oneline -- '*{revision.down}*'   # where it went; else correct the line",
            )


def _refuse_several(module: SchemaModule, found: Sequence[Revision], what: str, cure: str) -> None:
    if len(found) > 1:
        raise RevisionError(
            f"There are {len(found)} {what}: {' and '.join(one.id for one in found)}.",
            where=module.shown(found[0].path.parent),
            details=_listed(module, found),
            next_command=cure,
        )


def _refuse_heads(module: SchemaModule, by_id: Mapping[str, Revision], heads: Sequence[Revision]) -> None:
    """Two heads: as a rule one came from another branch meanwhile, and the unreleased one has to follow it."""
    if len(heads) < 2:
        return
    first = min(heads, key=lambda one: (one.version is None, one.date, one.id))
    other = next(one for one in heads if one is not first)
    moved = list(_back_to(by_id, other, stop={one.id for one in _back_to(by_id, first, stop=set())}))[-1]
    by_hand = f"in {module.shown(moved.path)}: down_revision = {first.id!r}"
    cure = f"invoke migrate.rebase   # or {by_hand}" if len(heads) == 2 else by_hand
    _refuse_several(module, [first, *(one for one in heads if one is not first)], "heads", cure)


def _back_to(by_id: Mapping[str, Revision], revision: Revision, stop: set[str]) -> Iterator[Revision]:
    current: Revision | None = revision
    while current is not None and current.id not in stop:
        yield current
        current = by_id.get(current.down) if current.down else None


def _refuse_cycle(module: SchemaModule, revisions: Sequence[Revision]) -> None:
    """Every revision must lead back to a first one."""
    by_id = {revision.id: revision for revision in revisions}
    good: set[str | None] = {None}
    for revision in revisions:
        walked: dict[str, Revision] = {}
        current: Revision | None = revision
        while current is not None and current.id not in good:
            if current.id in walked:
                _refuse_circle(module, list(walked.values()), current)
            walked[current.id] = current
            current = by_id[current.down] if current.down is not None else None
        good |= walked.keys()


def _refuse_circle(module: SchemaModule, walked: Sequence[Revision], again: Revision) -> None:
    circle = walked[walked.index(again) :]
    raise RevisionError(
        f"Revisions follow each other in a circle: {' after '.join(one.id for one in (*circle, again))}.",
        where=module.shown(again.path),
        details=_listed(module, circle),
        next_command="correct down_revision in one of them",
    )


def _listed(module: SchemaModule, revisions: Iterable[Revision]) -> str:
    return "\n".join(f"{one.id}  {module.shown(one.path)}  (after {one.down})" for one in revisions)
