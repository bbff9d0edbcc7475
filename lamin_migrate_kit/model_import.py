"""Import an author's models from a checkout, find their MetaData, and tell whose tables are whose.

The author's code runs here, so what it raises is told with the author's own lines only.
"""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lamin_migrate_kit.errors import SchemaModuleError
from lamin_migrate_kit.garbage import uncollected
from lamin_migrate_kit.interruption import Terminated
from lamin_migrate_kit.printing import printed_to_stderr

if TYPE_CHECKING:
    from sqlalchemy import MetaData, Table

# What surrounds an import is one for the process.
_ONE_AT_A_TIME = threading.RLock()

_SETTING = '[tool.lamin_migrate_kit]\nmetadata = "{example}"'
_METADATA_FORM = f"write it as module:attribute in pyproject.toml:\n{_SETTING}"


def import_models(package: str, folder: Path, metadata_path: str | None = None) -> tuple[ModuleType, ...]:
    """Import the package, its `models` (with everything in it), and the module that `metadata_path` names.

    A package in a checkout is imported rather than an installed one of the same name. What the package prints goes to
    stderr, so that machines can read stdout.

    Args:
        package: The import name.
        folder: The package's folder.
        metadata_path: As in `package.models:Base.metadata`.

    Returns:
        All modules of the package that are loaded now.

    Raises:
        SchemaModuleError: The import failed, with the author's own file and line; or another copy of the package is
            loaded in this process.
    """
    with _ONE_AT_A_TIME:
        _put_first_on_path(folder.parents[package.count(".")])
        _refuse_another_copy(package, folder)
        with _told_by_the_authors_lines(package, folder), uncollected(), _uncompiled(), printed_to_stderr():
            for name in _module_names(package, folder):
                importlib.import_module(name)
            if metadata_path:
                _import_named(metadata_path, package)
        _refuse_another_copy(package, folder)
        return _loaded_modules(package)


def find_metadata(package: str, modules: tuple[ModuleType, ...], metadata_path: str | None = None) -> MetaData:
    """The MetaData that the package's classes share.

    Args:
        package: The import name.
        modules: What `import_models` returned.
        metadata_path: As in `package.models:Base.metadata`, when the settings name one.

    Raises:
        SchemaModuleError: There is none, or there are several and no setting names one.
    """
    if metadata_path:
        return _named_metadata(metadata_path)
    found = _metadata_by_place(package, modules)
    filled = {place: metadata for place, metadata in found.items() if metadata.tables} or found
    if not filled:
        raise SchemaModuleError(
            f"{package} was imported, and no SQLModel or SQLAlchemy class with a table was found in it.",
            next_command="name the MetaData in pyproject.toml:\n"
            + _SETTING.format(example=f"{package}.models:Base.metadata"),
        )
    if len({id(metadata) for metadata in filled.values()}) > 1:
        raise SchemaModuleError(
            f"{package} has several MetaData: {', '.join(filled)}.",
            next_command="name one in pyproject.toml:\n" + _SETTING.format(example=next(iter(filled))),
        )
    return next(iter(filled.values()))


def owned_table_keys(package: str, metadata: MetaData) -> frozenset[str]:
    """The tables in `metadata` that this package defines.

    `SQLModel.metadata` is shared by every package of a process. A table belongs to the package that its class is
    defined in; a table without a class to the package whose module holds it in a variable, else to this one.

    Args:
        package: The import name.
        metadata: What `find_metadata` returned.

    Returns:
        Keys as in `metadata.tables`: `core.notebook`.
    """
    owners = _owners(metadata)
    return frozenset(key for key, table in metadata.tables.items() if _belongs(owners.get(table, package), package))


def _belongs(module_name: str, package: str) -> bool:
    return module_name == package or module_name.startswith(f"{package}.")


def _module_names(package: str, folder: Path) -> list[str]:
    """What to import: a class that nobody imports would look like a dropped table, so all of `models` is."""
    names = [package]
    if (folder / "models.py").is_file() or (folder / "models" / "__init__.py").is_file():
        names.append(f"{package}.models")
    if (folder / "models").is_dir():
        found = pkgutil.walk_packages([str(folder / "models")], f"{package}.models.")
        names += sorted(module.name for module in found if not module.name.endswith("__main__"))
    return names


def _import_named(metadata_path: str, package: str) -> None:
    """Import the module that the setting `metadata` names."""
    name = metadata_path.partition(":")[0]
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not _belongs(name, error.name or ""):
            raise  # something that the module imports itself
        raise SchemaModuleError(
            f"`metadata = {metadata_path!r}` in pyproject.toml names the module {name}, which is not there.",
            next_command=_METADATA_FORM.format(example=f"{package}.models:Base.metadata"),
        ) from error


def _put_first_on_path(base: Path) -> None:
    if sys.path[:1] != [str(base)]:
        sys.path.insert(0, str(base))
    importlib.invalidate_caches()


def _refuse_another_copy(package: str, folder: Path) -> None:
    loaded = sys.modules.get(package)
    if loaded is None:
        return
    places = [Path(place).resolve() for place in getattr(loaded, "__path__", ())]
    if folder.resolve() not in places:
        other = places[0] if places else "elsewhere"
        raise SchemaModuleError(
            f"{package} is already imported from {other}, so the models in {folder} cannot be read in this process.",
            where=str(folder),
            next_command="run the command in a process of its own",
        )


@contextlib.contextmanager
def _uncompiled() -> Iterator[None]:
    """Without compiled files beside the author's: those go by times in whole seconds, and could show an older model."""
    was = sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode = was


@contextlib.contextmanager
def _told_by_the_authors_lines(package: str, folder: Path) -> Iterator[None]:
    try:
        yield
    except (SchemaModuleError, Terminated):
        raise
    except (Exception, SystemExit) as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_inside(frame.filename, folder)]
        raise SchemaModuleError(
            f"{package} cannot be imported: {_in_one_line(error)}",
            where=_place(error, frames, folder),
            details=_authors_lines(error, frames) or None,
            next_command=_cure(error, package),
        ) from error


def _authors_lines(error: BaseException, frames: list[traceback.FrameSummary]) -> str:
    lines = traceback.format_list(frames)
    if isinstance(error, SyntaxError):
        lines += traceback.format_exception_only(error)[:-1]  # the line with its mark; what is wrong is said already
    return "".join(lines).rstrip()


def _cure(error: BaseException, package: str) -> str:
    whole = f'mend it; for the whole traceback: python -c "import {package}"'
    if isinstance(error, ModuleNotFoundError) and error.name and not _belongs(error.name, package):
        return f"pip install -e .   # when {error.name} is one of the project's dependencies\n{whole}"
    return whole


def _in_one_line(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg}"
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _place(error: BaseException, frames: list[traceback.FrameSummary], folder: Path) -> str:
    if isinstance(error, SyntaxError) and error.filename and _is_inside(error.filename, folder):
        return f"{error.filename}:{error.lineno}"
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else str(folder / "__init__.py")


def _is_inside(filename: str, folder: Path) -> bool:
    return Path(filename).is_relative_to(folder) or Path(filename).resolve().is_relative_to(folder.resolve())


def _loaded_modules(package: str) -> tuple[ModuleType, ...]:
    return tuple(module for name, module in sorted(sys.modules.items()) if _belongs(name, package))


def _named_metadata(path: str) -> MetaData:
    from sqlalchemy import MetaData

    module, _, attributes = path.partition(":")
    value: Any = sys.modules[module]
    for name in attributes.split(".") if attributes else ():
        value = getattr(value, name, None)
    value = value if isinstance(value, MetaData) else getattr(value, "metadata", None)
    if not isinstance(value, MetaData):
        raise SchemaModuleError(
            f"`metadata = {path!r}` in pyproject.toml names no SQLAlchemy MetaData.",
            next_command=_METADATA_FORM.format(example=f"{module}:Base.metadata"),
        )
    return value


def _metadata_by_place(package: str, modules: tuple[ModuleType, ...]) -> dict[str, MetaData]:
    """Each MetaData of the package's classes (else of its module variables) under one place that names it."""
    from sqlalchemy import MetaData

    classes: dict[int, tuple[str, MetaData]] = {}
    variables: dict[int, tuple[str, MetaData]] = {}
    for module in modules:
        for name, value in list(vars(module).items()):
            # By `type()`: to ask a proxy for its class may run code that fails outside of a request.
            if issubclass(type(value), MetaData):
                variables.setdefault(id(value), (f"{module.__name__}:{name}", value))
            elif issubclass(type(value), type) and _belongs(value.__module__, package):
                metadata = getattr(value, "metadata", None)
                if isinstance(metadata, MetaData):
                    classes.setdefault(id(metadata), (f"{module.__name__}:{name}.metadata", metadata))
    return dict((classes or variables).values())


def _owners(metadata: MetaData) -> dict[Table, str]:
    """The name of the module that defines each table, as far as it can be told."""
    from sqlalchemy import Table

    by_class: dict[Table, str] = {}
    by_variable: dict[Table, str] = {}
    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] in sys.stdlib_module_names:
            continue
        for value in list(getattr(module, "__dict__", {}).values()):
            is_class = issubclass(type(value), type)  # by `type()`, as above
            table = vars(value).get("__table__") if is_class else value
            if issubclass(type(table), Table) and table.metadata is metadata:
                if is_class:
                    by_class[table] = value.__module__
                else:
                    by_variable.setdefault(table, name)
    return by_variable | by_class
