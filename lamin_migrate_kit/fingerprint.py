"""What a run ran on, exactly enough that two reports can be told apart, or be seen to come from the same place."""

from __future__ import annotations

import functools
import hashlib
import platform
import re
from dataclasses import replace
from email.parser import HeaderParser
from importlib.metadata import PackageNotFoundError, distribution, version
from typing import TYPE_CHECKING

from lamin_migrate_kit import __version__
from lamin_migrate_kit.report.model import Environment
from lamin_migrate_kit.servers.compose import NAME as COMPOSE
from lamin_migrate_kit.servers.docker import running_image
from lamin_migrate_kit.servers.server import Server, open_engine

if TYPE_CHECKING:
    from email.message import Message
    from importlib.metadata import Distribution

    from packaging.requirements import Requirement
    from sqlalchemy import Connection

# The settings of a server that can change what a migration does, or how fast it does it.
SETTINGS = (
    "DateStyle",
    "IntervalStyle",
    "TimeZone",
    "bytea_output",
    "check_function_bodies",
    "default_table_access_method",
    "default_toast_compression",
    "default_transaction_isolation",
    "fsync",
    "full_page_writes",
    "jit",
    "lock_timeout",
    "max_locks_per_transaction",
    "search_path",
    "server_encoding",
    "server_version_num",
    "shared_preload_libraries",
    "standard_conforming_strings",
    "statement_timeout",
    "synchronous_commit",
    "wal_level",
)
_EXTRA_ALONE = re.compile(r""";\s*\(?extra\s*==\s*["'][\w.-]+["']\)?\s*$""")
"""Requirements of an extra and nothing else, which are most; to read and evaluate each takes a millisecond."""

_QUERY = """
SELECT name, setting FROM pg_settings WHERE name = ANY(%(names)s)
UNION ALL
SELECT unnest(ARRAY['lc_collate', 'lc_ctype', 'locale_provider']),
       unnest(ARRAY[datcollate, datctype, to_jsonb(pg_database) ->> 'datlocprovider'])  -- not there before 15
FROM pg_database WHERE datname = current_database()
"""


def versions_used(server: Server | None) -> Environment:
    """The versions that a run runs on, without what takes time to find out; without a server, its fields are empty.

    Args:
        server: The server that the run uses.
    """
    return Environment(
        kit=__version__,
        python=platform.python_version(),
        sqlalchemy=version("sqlalchemy"),
        alembic=version("alembic"),
        postgres=server.label if server else "",
        provider=server.provider if server else "",
        pinned=server.pinned if server else False,
    )


def environment(server: Server | None) -> Environment:
    """What a run runs on; without a server, its fields are empty.

    Args:
        server: The server that the run uses. It is asked once for its settings.
    """
    return replace(
        versions_used(server),
        platform=operating_system(),
        packages=packages_hash(),
        settings=server_settings(server) if server else (),
        image=_image(server) if server else "",
    )


def given_environment(connection: Connection, provider: str) -> Environment:
    """What a run on a database that is named by its URL runs on.

    Args:
        connection: To that database; its transaction is rolled back.
        provider: What a report calls it, such as `instance`.
    """
    settings = _read_settings(connection)
    shown = str(connection.exec_driver_sql("SHOW server_version").scalar()).split()[0]
    connection.rollback()
    number = int(dict(settings)["server_version_num"])
    server = Server(provider, connection.engine.url, shown, number, own=False)
    return replace(environment(None), postgres=server.label, provider=provider, pinned=server.pinned, settings=settings)


@functools.cache
def server_settings(server: Server) -> tuple[tuple[str, str], ...]:
    """(name, value) of the server's settings that matter, sorted by name."""
    with open_engine(server.url, own=server.own).connect() as connection:
        return _read_settings(connection)


def _read_settings(connection: Connection) -> tuple[tuple[str, str], ...]:
    rows = connection.exec_driver_sql(_QUERY, {"names": list(SETTINGS)}).all()
    return tuple(sorted((str(name), str(value)) for name, value in rows))


@functools.cache
def _image(server: Server) -> str:
    return running_image(server) if server.provider == COMPOSE else ""


@functools.cache
def operating_system() -> str:
    """Such as "Debian GNU/Linux 13 (trixie), Linux 6.12 x86_64"."""
    kernel = f"{platform.system()} {platform.release()} {platform.machine()}"
    try:
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {kernel}"
    except (OSError, KeyError):
        return kernel


@functools.cache
def packages_hash() -> str:
    """Twelve hex digits of a sha256 over the kit's packages and theirs, each with its version.

    Two machines that installed from the same lock have the same one, whatever else they have installed.
    """
    lines = [f"{name}=={number}" for name, number in sorted(installed_packages("lamin_migrate_kit").items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def installed_packages(name: str) -> dict[str, str]:
    """What a package asks for here, and what that asks for, with versions; the package itself is left out."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found: dict[str, str] = {}
    pending = [(name, frozenset[str]())]
    seen = set(pending)
    while pending:
        current, extras = pending.pop()
        try:
            installed = distribution(current)
        except PackageNotFoundError:
            continue
        header = _header(installed)
        found[canonicalize_name(current)] = header["Version"]
        lines = header.get_all("Requires-Dist", ())
        for requirement in (Requirement(line) for line in lines if extras or not _EXTRA_ALONE.search(line)):
            if _applies(requirement, extras):
                wanted = (canonicalize_name(requirement.name), frozenset(requirement.extras))
                pending += [wanted] if wanted not in seen else []
                seen.add(wanted)
    found.pop(canonicalize_name(name), None)
    return found


def _header(installed: Distribution) -> Message:
    """The fields of a package's metadata without its description, which is long and read anew at each question."""
    text = installed.read_text("METADATA") or installed.read_text("PKG-INFO") or ""
    return HeaderParser().parsestr(text.partition("\n\n")[0])


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in (extras or {""}))
