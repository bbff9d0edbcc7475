"""All settings in one frozen value. Nothing else in the kit reads pyproject.toml or the environment."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from lamin_migrate_kit.errors import SettingsError

PINNED_MAJOR = 18
SUPPORTED_MAJORS = (15, 16, 17, 18)
PROVIDERS = ("url", "devcontainer", "compose", "system", "embedded")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a project and its environment ask for.

    Attributes:
        root: The folder with the pyproject.toml that was read, else the folder that the command started in.
        package: `[tool.lamin_migrate_kit] package`, the import name of the schema module.
        metadata: Where the package's MetaData is, such as `package.models:Base.metadata`, when it cannot be told.
        keep: Names such as `core.ix_by_hand` that only revisions make and that are never proposed for dropping.
        schemas: Schemas to create before the models are built, besides those that metadata and revisions name.
        extensions: Extensions to create before the models are built.
        postgres: The Postgres majors that the module supports: generated for the lowest, proven on each.
        waive: (proof, reason): what may be NOT PROVEN in a release, sorted; see `proof.waiving`.
        mask: Columns of instances that are never read as they are; see `proof.rows.masking`.
        privileges: Whether privileges are compared: what is granted on tables, views, sequences, schemas, routines and
            types, to whom.
        image: The container image to use instead of the official one.
        server_url: `LAMIN_MIGRATE_SERVER_URL`; hidden from repr, because it may hold a password.
        instance_url: `LAMIN_MIGRATE_INSTANCE_URL`, the instance that `invoke deploy` works on: no password stands in
            a shell's history; hidden from repr.
        provider: `LAMIN_MIGRATE_PROVIDER`, one of PROVIDERS: use this one and no other.
        major: `LAMIN_MIGRATE_POSTGRES`, the Postgres major to use instead of the pinned one.
        devcontainer: Whether we are inside the kit's devcontainer (`LAMIN_MIGRATE_DEVCONTAINER` is set).
        codespaces: Whether `CODESPACES` is set: whether this is a codespace.
        github_actions: Whether `GITHUB_ACTIONS` is set.
        cache_home: `XDG_CACHE_HOME`, where prepared data directories are kept.
        state_home: `XDG_STATE_HOME`, where development servers keep their data.
    """

    root: Path
    package: str | None = None
    metadata: str | None = None
    keep: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    postgres: tuple[int, ...] = ()
    waive: tuple[tuple[str, str], ...] = ()
    mask: tuple[str, ...] = ()
    privileges: bool = False
    image: str | None = None
    server_url: str | None = field(default=None, repr=False)
    instance_url: str | None = field(default=None, repr=False)
    provider: str | None = None
    major: int | None = None
    devcontainer: bool = False
    codespaces: bool = False
    github_actions: bool = False
    cache_home: Path | None = None
    state_home: Path | None = None


_TOML_NAMES = {
    "package": str,
    "metadata": str,
    "keep": list,
    "schemas": list,
    "extensions": list,
    "postgres": list,
    "waive": dict,
    "mask": list,
    "privileges": bool,
    "image": str,
}
_EXAMPLES = {
    "package": '"lnschema_core"',
    "metadata": '"lnschema_core.models:Base.metadata"',
    "keep": '["core.ix_by_hand"]',
    "schemas": '["core"]',
    "extensions": '["citext"]',
    "postgres": '["15", "18"]',
    "waive": '{ old-code = "first release" }',
    "mask": '["core.user.email"]',
    "privileges": "true",
    "image": '"registry.example/postgres-with-postgis:18"',
}
_DOTTED = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_PATTERNS = {"package": _DOTTED, "metadata": f"{_DOTTED}(?::{_DOTTED})?", "image": r"\S+"}
_MAJORS = f'a list of supported majors, such as ["{SUPPORTED_MAJORS[0]}", "{SUPPORTED_MAJORS[-1]}"]'
_SHAPES = {
    str: "a string such as {example}",
    bool: "true or false",
    list: "a list of strings",
    dict: 'a table of reasons, such as old-code = "first release"',
}


def read_settings(start: Path, environ: Mapping[str, str]) -> Settings:
    """Read the settings for a command that was started in `start`.

    Args:
        start: The folder the command was started in; the nearest pyproject.toml at or above it counts, but none
            above the root of the git checkout.
        environ: The environment, as `os.environ`.

    Raises:
        SettingsError: pyproject.toml cannot be parsed, or has an unknown key or a value of the wrong type.
    """
    pyproject = _find_pyproject(start.resolve())
    from_file = _read_table(pyproject) if pyproject else {}
    provider = environ.get("LAMIN_MIGRATE_PROVIDER") or None
    if provider is not None and provider not in PROVIDERS:
        raise SettingsError(
            f"LAMIN_MIGRATE_PROVIDER is {provider!r}, which is no provider.",
            next_command=f"export LAMIN_MIGRATE_PROVIDER=embedded   # one of: {', '.join(PROVIDERS)}",
        )
    return Settings(
        root=pyproject.parent if pyproject else start.resolve(),
        server_url=environ.get("LAMIN_MIGRATE_SERVER_URL") or None,
        instance_url=environ.get("LAMIN_MIGRATE_INSTANCE_URL") or None,
        provider=provider,
        major=_major(environ.get("LAMIN_MIGRATE_POSTGRES")),
        devcontainer=bool(environ.get("LAMIN_MIGRATE_DEVCONTAINER")),
        codespaces=environ.get("CODESPACES") == "true",
        github_actions=environ.get("GITHUB_ACTIONS") == "true",
        cache_home=_absolute(environ.get("XDG_CACHE_HOME")),
        state_home=_absolute(environ.get("XDG_STATE_HOME")),
        **from_file,
    )


def _major(value: str | None) -> int | None:
    if not value:
        return None
    if value not in map(str, SUPPORTED_MAJORS):
        raise SettingsError(
            f"LAMIN_MIGRATE_POSTGRES is {value!r}, which is no supported major.",
            next_command=f"export LAMIN_MIGRATE_POSTGRES={PINNED_MAJOR}   # one of: "
            f"{', '.join(map(str, SUPPORTED_MAJORS))}",
        )
    return int(value)


def _absolute(value: str | None) -> Path | None:
    # The XDG specification says that relative paths are to be ignored.
    return Path(value) if value and Path(value).is_absolute() else None


def _find_pyproject(start: Path) -> Path | None:
    for folder in (start, *start.parents):
        if (folder / "pyproject.toml").is_file():
            return folder / "pyproject.toml"
        if (folder / ".git").exists():
            return None
    return None


def _read_table(pyproject: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(pyproject.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"pyproject.toml cannot be read: {error}", where=str(pyproject), next_command=f"mend {pyproject}"
        ) from error
    table = document
    for name in ("tool", "lamin_migrate_kit"):
        table = table.get(name, {})
        if not isinstance(table, dict):
            raise _refused(pyproject, f"`{name}` in pyproject.toml must be a table.", "package")
    for key, value in table.items():
        _check(pyproject, key, value)
    return {key: _frozen(key, value) for key, value in table.items()}


def _frozen(key: str, value: object) -> object:
    if key == "postgres" and isinstance(value, list):
        return tuple(sorted(map(int, set(value))))
    if isinstance(value, dict):
        return tuple(sorted(value.items()))
    return tuple(value) if isinstance(value, list) else value


def _check(pyproject: Path, key: str, value: object) -> None:
    if key not in _TOML_NAMES:
        known = ", ".join(sorted(_TOML_NAMES))
        raise _refused(pyproject, f"[tool.lamin_migrate_kit] has no setting {key!r}; it has: {known}.", "package")
    if not isinstance(value, _TOML_NAMES[key]) or not _is_well_formed(key, value):
        form = _MAJORS if key == "postgres" else _SHAPES[_TOML_NAMES[key]].format(example=_EXAMPLES[key])
        raise _refused(pyproject, f"[tool.lamin_migrate_kit] {key} must be {form}.", key)


def _is_well_formed(key: str, value: object) -> bool:
    """Whether a value of the right type also has the right content."""
    if key == "postgres" and isinstance(value, list):
        return bool(value) and all(isinstance(one, str) and one in map(str, SUPPORTED_MAJORS) for one in value)
    if isinstance(value, str):
        return re.fullmatch(_PATTERNS[key], value) is not None
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(isinstance(item, str) and item.strip() for item in items)


def _refused(pyproject: Path, what: str, key: str) -> SettingsError:
    """An error with the lines to write for one setting."""
    lines = f"[tool.lamin_migrate_kit]\n{key} = {_EXAMPLES[key]}"
    return SettingsError(what, where=str(pyproject), next_command=f"correct pyproject.toml, for example:\n{lines}")


assert set(_TOML_NAMES) == set(_EXAMPLES) <= {field.name for field in fields(Settings)}
