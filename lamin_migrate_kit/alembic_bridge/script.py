"""A module's revision files, loaded once, as Alembic's script directory."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from alembic.config import Config
from alembic.runtime.migration import RevisionStep
from alembic.script import Script as AlembicScript
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError as AlembicRevisionError
from alembic.util import CommandError

from lamin_migrate_kit.alembic_bridge.quiet import quiet_alembic
from lamin_migrate_kit.errors import RevisionError

if TYPE_CHECKING:
    from lamin_migrate_kit.schema_module import SchemaModule

# Alembic's own rule for what is a revision file.
_REVISION_FILE = re.compile(r"(?!\.#|__init__).*\.py$")


@dataclass(frozen=True, slots=True)
class Script:
    """The revision files of one module. Open it once and keep it: nothing is read again.

    Attributes:
        folder: The folder with the files.
        directory: Alembic's view of them.
        config: An Alembic configuration in memory, for revisions that ask for one.
    """

    folder: Path
    directory: ScriptDirectory
    config: Config

    @property
    def head(self) -> str | None:
        """The newest revision's id, None when there are no revisions.

        Raises:
            RevisionError: There is more than one head.
        """
        heads = self.directory.get_heads()
        if len(heads) > 1:
            raise RevisionError(
                f"There is more than one head: {', '.join(sorted(heads))}.",
                where=str(self.folder),
                next_command="invoke migrate.rebase",
            )
        return heads[0] if heads else None

    @property
    def revisions(self) -> tuple[str, ...]:
        """Every revision's id, base first."""
        return tuple(one.revision for one in reversed(list(self.directory.walk_revisions())))

    def __contains__(self, revision: str) -> bool:
        """Whether there is a revision with exactly this id."""
        # Asked of the map itself: Alembic's lookups also accept the beginning of an id.
        return revision in self.revisions

    def path(self, revision: str) -> Path:
        """The file of a revision."""
        return Path(self._get(revision).path)

    def down(self, revision: str) -> str | None:
        """The id of the revision before this one, None for the first."""
        down = self._get(revision).down_revision
        return down if isinstance(down, str) else None

    def steps_up(self, current: str | None, target: str) -> tuple[RevisionStep, ...]:
        """The steps from `current` (None: base) up to `target` (an id, `head`, or `+1`), first one first."""
        if target == "head" and not self.directory.get_heads():
            return ()
        with _explained(self.folder):
            return tuple(self.directory._upgrade_revs(target, current or "base"))

    def step(self, revision: str, *, down: bool = False) -> RevisionStep:
        """The one step onto a revision, or from it; Alembic's ways look at the whole history for each."""
        return _OneStep(self.directory.revision_map, self._get(revision), is_upgrade=not down)

    def steps_down(self, current: str | None, target: str | None) -> tuple[RevisionStep, ...]:
        """The steps from `current` down to `target` (an id, `base`, None for base, or `-1`), first one first."""
        if current is None:
            return ()
        with _explained(self.folder):
            return tuple(self.directory._downgrade_revs(target or "base", current))

    def _get(self, revision: str) -> AlembicScript:
        with _explained(self.folder):
            return self.directory.get_revision(revision)


class _OneStep(RevisionStep):
    """A step from a database that stands at one revision alone."""

    def _unmerge_to_revisions(self, heads: set[str]) -> tuple[str, ...]:
        # With one revision below it there is nothing to tell apart; Alembic would look at all that is below that one.
        if len(self.to_revisions) == 1:
            return self.to_revisions
        return super()._unmerge_to_revisions(heads)


def open_script(module: SchemaModule) -> Script:
    """Load a module's revision files, each of them once.

    Args:
        module: The schema module; a `versions_folder` that does not exist counts as empty.

    Raises:
        RevisionError: A file cannot be loaded (its line is given), or the revisions do not fit together.
    """
    folder = module.versions_folder
    with quiet_alembic(), _explained(folder):
        directory = _Directory(str(module.folder), version_locations=[str(folder)])
        directory.get_heads()
    return Script(folder, directory, Config())


class _Directory(ScriptDirectory):
    """A script directory that compiles the files itself.

    Alembic loads them through Python's bytecode cache, which compares times and sizes: of a file that was rewritten
    within the same second it can get the old code, and it leaves a `__pycache__` beside the author's files.
    """

    def _load_revisions(self) -> Iterator[AlembicScript]:
        seen: dict[str, Path] = {}
        scripts = [_load(path) for path in _revision_files(Path(self.version_locations[0]))]
        for script in scripts:
            path = Path(script.path)
            if script.revision in seen:
                other = seen[script.revision].name
                raise RevisionError(
                    f"Two files have the revision {script.revision}: {other} and {path.name}.",
                    where=str(path),
                    next_command="delete one of them, or give it an id of its own",
                )
            seen[script.revision] = path
        for script in scripts:
            _require_known_down(script, seen)
        yield from scripts


def _require_known_down(script: AlembicScript, known: dict[str, Path]) -> None:
    for down in script._versioned_down_revisions:
        if down not in known:
            raise RevisionError(
                f"Revision {script.revision} comes after {down}, which no file has.",
                where=str(script.path),
                next_command=f"set down_revision in {Path(script.path).name} to the revision before it",
            )


def _revision_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _REVISION_FILE.match(path.name) and path.is_file())


def _load(path: Path) -> AlembicScript:
    loaded = ModuleType(re.sub(r"\W", "_", path.name))
    loaded.__file__ = str(path)
    try:
        code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        exec(code, loaded.__dict__)  # noqa: S102 (a revision file is code that its author wants to run)
    except Exception as error:
        raise RevisionError(
            f"The revision file {path.name} cannot be loaded: {type(error).__name__}: {error}",
            where=f"{path}:{_line_of(error, path)}",
            next_command=f"mend {path.name}; then: invoke ci",
        ) from error
    if not hasattr(loaded, "downgrade"):
        vars(loaded)["downgrade"] = _without_downgrade(path)
    return AlembicScript(loaded, _declared(loaded, path), str(path))


def _without_downgrade(path: Path) -> Callable[[], NoReturn]:
    """What stands for a `downgrade` that a file does not have: without one Alembic could not even read the history."""

    def downgrade() -> NoReturn:
        raise NotImplementedError(f"{path.name} has no downgrade()")

    return downgrade


def _declared(loaded: ModuleType, path: Path) -> str:
    for name in ("revision", "down_revision"):
        if not hasattr(loaded, name):
            raise RevisionError(
                f"The revision file {path.name} does not set {name!r}.",
                where=str(path),
                next_command=f"add to {path.name}:\n{name} = {'None' if name == 'down_revision' else '…'}",
            )
    if not callable(getattr(loaded, "upgrade", None)):
        raise RevisionError(
            f"The revision file {path.name} has no function upgrade().",
            where=str(path),
            next_command=f"add to {path.name}:\ndef upgrade() -> None:\n    pass",
        )
    revision: str = loaded.revision
    return revision


def _line_of(error: BaseException, path: Path) -> int:
    """The line of `path` that an error comes from; 1 when it came from elsewhere."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno or 1
    return line_in(error, path) or 1


def line_in(error: BaseException, path: Path) -> int | None:
    """The line of the innermost frame of an error's traceback that lies in `path`."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return lines[-1] if lines else None


class _explained:  # noqa: N801 (reads as a function)
    """Turns what Alembic raises about a history into our own error."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, (CommandError, AlembicRevisionError)):
            raise RevisionError(str(error), where=str(self.folder), next_command="invoke ci") from error
