"""The schema module: which package it is, what it says of itself, and where its revisions live.

Nothing here imports the package, except `SchemaModule.metadata()`: its models may be broken, and what `__init__.py`
says of the schema must be readable all the same.
"""

from __future__ import annotations

import ast
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lamin_migrate_kit.assignments import Binding, parse_python, read_string, set_assignments
from lamin_migrate_kit.errors import SchemaModuleError
from lamin_migrate_kit.file_set import recover

if TYPE_CHECKING:
    from sqlalchemy import MetaData

    from lamin_migrate_kit.settings import Settings

__all__ = ["SchemaModule", "find_schema_module", "installed_schema_module", "set_assignments"]

_NEVER_LOOKED_AT = frozenset(
    {"tests", "test", "docs", "doc", "build", "dist", "node_modules", "venv", "env", "site-packages"}
)
_DEPTH = 3
_UNVERSIONED = "0"


@dataclass(frozen=True, slots=True)
class SchemaModule:
    """A Python package of models, and what its files say of it.

    Attributes:
        package: The import name, such as `lnschema_core`.
        folder: The package's folder.
        root: The project's folder, with its pyproject.toml; for an installed package the folder it is installed in.
        name: `_name`, else the package's name without the prefix `lnschema_`.
        schema_id: `_schema_id`, such as `yvzi`; None for a package that only has Alembic.
        migration: `_migration`; None when it says `None`, or when the package only has Alembic.
        migration_line: The line in `__init__.py` that sets `_migration`, from 1; None when there is none.
        version: From `__init__.py`, else pyproject.toml, else what is installed; `0` when nothing says.
        version_files: The files that set the version as a plain string, which a release changes.
        metadata_path: The setting `metadata`, such as `package.models:Base.metadata`.
    """

    package: str
    folder: Path
    root: Path
    name: str
    schema_id: str | None
    migration: str | None
    migration_line: int | None
    version: str
    version_files: tuple[Path, ...]
    metadata_path: str | None = None

    @property
    def init_file(self) -> Path:
        """The package's `__init__.py`."""
        return self.folder / "__init__.py"

    @property
    def versions_folder(self) -> Path:
        """Where the revision files are; may not exist yet."""
        return self.folder / "migrations" / "versions"

    @property
    def checksums_file(self) -> Path:
        """The committed checksums of released revisions; may not exist yet."""
        return self.folder / "migrations" / "checksums.txt"

    @property
    def version_table(self) -> str:
        """Alembic's version table."""
        return f"migration_{self.schema_id}" if self.schema_id else "alembic_version"

    @property
    def deployments_table(self) -> str:
        """The table that records deployments."""
        return f"version_{self.schema_id or self.name}"

    def metadata(self) -> MetaData:
        """Import the models and return their MetaData.

        `SQLModel.metadata` may hold other packages' tables too: see `owned_tables`.

        Raises:
            SchemaModuleError: The models cannot be imported (with the author's own file and line), or hold no MetaData
                or several.
        """
        from lamin_migrate_kit.model_import import find_metadata, import_models

        modules = import_models(self.package, self.folder, self.metadata_path)
        return find_metadata(self.package, modules, self.metadata_path)

    def owned_tables(self) -> frozenset[str]:
        """The keys in `metadata().tables` of the tables that this package's own modules define."""
        from lamin_migrate_kit.model_import import owned_table_keys

        return owned_table_keys(self.package, self.metadata())

    def shown(self, path: Path) -> str:
        """A path as messages show it: relative to the project where it is inside."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)


def find_schema_module(settings: Settings) -> SchemaModule:
    """The schema module of a checkout: the package that the settings name, else the only one that looks like one.

    Files that a killed command left half-written are put back first.

    Args:
        settings: `root` is where it is looked for: there and in `src`; a named package also further down.

    Raises:
        SchemaModuleError: None or several were found, or `__init__.py` cannot be read: `_migration` is missing,
            assigned twice or computed.
    """
    if settings.package:
        package, folder = settings.package, _find_named(settings.root, settings.package)
    else:
        folder = _find_only(settings.root)
        package = folder.name
    recover(folder)
    return _read(package, folder, _project_root(folder, settings.root), settings.metadata)


def installed_schema_module(package: str) -> SchemaModule:
    """The schema module that `import package` would give, without importing it.

    Args:
        package: The import name.

    Raises:
        SchemaModuleError: It is not installed, or `__init__.py` cannot be read.
    """
    import importlib.util

    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.origin or not spec.submodule_search_locations:
        raise SchemaModuleError(f"There is no package {package} to import.", next_command=f"pip install {package}")
    folder = Path(spec.origin).parent
    return _read(package, folder, folder.parents[package.count(".")], None)


def _read(package: str, folder: Path, root: Path, metadata_path: str | None) -> SchemaModule:
    init_file = folder / "__init__.py"
    where = init_file.relative_to(root).as_posix()
    try:
        tree = parse_python(init_file.read_bytes(), where)
    except OSError as error:
        raise SchemaModuleError(
            f"{where} cannot be read: {error.strerror}.",
            where=str(init_file),
            next_command=f"make {where} a file that you may read",
        ) from error
    schema_id = _read_schema_id(tree, where)
    name = read_string(tree, "_name", where, '"core"')
    example = _newest_revision(folder)
    migration = read_string(tree, "_migration", where, example)
    if migration is None and schema_id is not None:
        raise SchemaModuleError(
            f"{where} sets `_schema_id`, and no `_migration`: the revision that the models are at.",
            where=f"{where}:{schema_id.line}",
            next_command=f"add to {where}:\n_migration = {example}",
        )
    version, version_files = _read_version(tree, package, init_file, root)
    return SchemaModule(
        package=package,
        folder=folder,
        root=root,
        name=(name and name.value) or package.rpartition(".")[2].removeprefix("lnschema_"),
        schema_id=schema_id.value if schema_id else None,
        migration=migration.value if migration else None,
        migration_line=migration.line if migration else None,
        version=version,
        version_files=version_files,
        metadata_path=metadata_path,
    )


def _read_schema_id(tree: ast.Module, where: str) -> Binding | None:
    """The binding of `_schema_id`; an empty one would pass for a package that only has Alembic."""
    found = read_string(tree, "_schema_id", where, '"yvzi"')
    if found is not None and found.value is not None and not found.value.strip():
        raise SchemaModuleError(
            f"`_schema_id` in {where} is empty; it names the tables that keep the module's state.",
            where=f"{where}:{found.line}",
            next_command=f'write into {where}, with four letters of your own:\n_schema_id = "yvzi"',
        )
    return found


def _newest_revision(folder: Path) -> str:
    """What `_migration` most likely should say, for messages: the revision in the last file name."""
    names = sorted(path.name for path in folder.glob("migrations/versions/*.py"))
    found = re.fullmatch(r"\d{4}-\d{2}-\d{2}-(\w+)-v\S+\.py", names[-1]) if names else None
    return f'"{found[1]}"' if found else "None"


def _read_version(tree: ast.Module, package: str, init_file: Path, root: Path) -> tuple[str, tuple[Path, ...]]:
    """The version, and the files that say it as a plain string."""
    try:
        binding = read_string(tree, "__version__", init_file.name, '"0.1.0"')
    except SchemaModuleError:
        binding = None  # computed, as from importlib.metadata: then pyproject.toml may say it
    in_init = binding.value if binding else None
    in_pyproject = _pyproject_version(root / "pyproject.toml")
    files = tuple(
        path for path, version in ((init_file, in_init), (root / "pyproject.toml", in_pyproject)) if version is not None
    )
    return in_init or in_pyproject or _installed_version(package), files


def _pyproject_version(pyproject: Path) -> str | None:
    try:
        document = tomllib.loads(pyproject.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return None
    version = document.get("project", {}).get("version")
    return version if isinstance(version, str) else None


def _installed_version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package.partition(".")[0])
    except PackageNotFoundError:
        return _UNVERSIONED


def _project_root(folder: Path, start: Path) -> Path:
    """The nearest folder with a pyproject.toml, not above the one that the command started from."""
    for parent in folder.parents:
        if (parent / "pyproject.toml").is_file() or parent == start:
            return parent
    return start


def _find_named(root: Path, package: str) -> Path:
    parts = package.split(".")
    direct = [base.joinpath(*parts) for base in (root, root / "src")]
    deeper = [base.joinpath(*parts) for base in _folders(root)]
    for places in (direct, deeper):
        found = [place for place in dict.fromkeys(places) if (place / "__init__.py").is_file()]
        if len(found) > 1:
            raise _several(root, found)
        if found:
            return found[0]
    without_init = next((place for place in direct if place.is_dir()), None)
    if without_init:
        raise SchemaModuleError(
            f"{without_init.name} has no __init__.py.",
            where=str(without_init),
            next_command=f'write {without_init / "__init__.py"} with at least:\n_schema_id = "…"\n_migration = None',
        )
    raise SchemaModuleError(
        f"pyproject.toml names the package {package}, and there is no folder {'/'.join(parts)} with an"
        f" __init__.py under {root}. {_seen(root)}",
        where=str(root / "pyproject.toml"),
        next_command='correct pyproject.toml:\n[tool.lamin_migrate_kit]\npackage = "…"',
    )


def _find_only(root: Path) -> Path:
    found = [folder for folder in _packages(root) if _signs(folder)]
    if len(found) == 1:
        return found[0]
    if found:
        raise _several(root, found)
    raise SchemaModuleError(
        f"No schema module was found in {root}: no package there or in src has `_schema_id` in its __init__.py or a"
        f" folder `migrations`. {_seen(root)}",
        where=str(root),
        next_command=_where_else(root) or _way_there(root) or _pyproject_lines(_likeliest(root)),
    )


def _likeliest(root: Path) -> str:
    """The only package there is, else an example, for the lines to write."""
    names = [folder.name for folder in _packages(root)]
    return names[0] if len(names) == 1 else "lnschema_core"


def _several(root: Path, found: list[Path]) -> SchemaModuleError:
    listed = "\n".join(f"{folder.relative_to(root)}  ({' and '.join(_signs(folder))})" for folder in found)
    names = {folder.name for folder in found}
    cure = "go to the project's own folder" if len(names) == 1 else _pyproject_lines(found[0].name)
    return SchemaModuleError(
        f"Several packages in {root} look like a schema module.",
        where=str(root),
        details=listed,
        next_command=cure,
    )


def _pyproject_lines(package: str) -> str:
    return f'write into pyproject.toml:\n[tool.lamin_migrate_kit]\npackage = "{package}"'


def _seen(root: Path) -> str:
    names = ", ".join(folder.relative_to(root).as_posix() for folder in _packages(root))
    return f"Packages seen: {names or 'none'}."


def _where_else(root: Path) -> str | None:
    """The folder of a project further down that names its package, for the message."""
    for folder in sorted(_folders(root)):
        pyproject = folder / "pyproject.toml"
        if pyproject.is_file() and b"[tool.lamin_migrate_kit]" in pyproject.read_bytes():
            return f"cd {folder.relative_to(root)}   # its pyproject.toml names a schema module"
    return None


def _way_there(root: Path) -> str | None:
    """Where nothing is a project at all, the command was started in the wrong place."""
    if (root / "pyproject.toml").is_file() or _packages(root):
        return None
    return (
        "cd PROJECT   # the folder of the schema module; then the same command again\n"
        "lamin-migrate deploy --package PACKAGE   # to deploy an installed one"
    )


def _packages(root: Path) -> list[Path]:
    """Packages directly in `root` and in `root/src`; one that a symbolic link shows again counts once."""
    found = [
        folder
        for base in (root, root / "src")
        if base.is_dir()
        for folder in sorted(base.iterdir(), key=lambda folder: (folder.is_symlink(), folder.name))
        if _may_look(folder) and folder.name.isidentifier() and (folder / "__init__.py").is_file()
    ]
    return list({folder.resolve(): folder for folder in reversed(found)}.values())[::-1]


def _signs(folder: Path) -> list[str]:
    """What makes a package look like a schema module."""
    signs = []
    # Only \n ends a line for a pattern, and a byte order mark may stand before the first.
    if re.search(rb"(?:^|[\r\n]|\A\xef\xbb\xbf)_schema_id\b", (folder / "__init__.py").read_bytes()):
        signs.append("_schema_id")
    migrations = folder / "migrations"
    # Django's folder of that name holds 0001_initial.py and so on.
    if migrations.is_dir() and not any(re.match(r"\d{4}_\w+\.py$", path.name) for path in migrations.iterdir()):
        signs.append("migrations/")
    return signs


def _folders(root: Path) -> Iterator[Path]:
    """Folders below `root`, at most three down, that may hold a project."""
    for place, names, _ in os.walk(root):
        folder = Path(place)
        names[:] = sorted(name for name in names if _may_look(folder / name))
        if len(folder.relative_to(root).parts) >= _DEPTH:
            names.clear()
        if folder != root:
            yield folder


def _may_look(folder: Path) -> bool:
    skipped = folder.name.startswith((".", "__")) or folder.name in _NEVER_LOOKED_AT
    # Somebody else's folder, such as a server's data directory, is not ours to look into.
    may = not skipped and folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)
    return may and not (folder / "pyvenv.cfg").exists()
