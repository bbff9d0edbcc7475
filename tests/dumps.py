"""`pg_dump --schema-only` of a database, without what carries no meaning."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from sqlalchemy import URL

from lamin_migrate_kit.servers.embedded import find_binaries
from lamin_migrate_kit.settings import Settings


def dump_schema(url: URL) -> str:
    """The dump with the columns of every table sorted, because their physical order is no difference."""
    arguments = ["--schema-only", "--no-owner", "--no-privileges", "--dbname", url.database or ""]
    host = url.host or url.query.get("host")
    assert isinstance(host, str)
    connection = ["--host", host, "--username", url.username or "postgres"]
    if url.port:
        connection += ["--port", str(url.port)]
    program = find_binaries(Settings(root=Path.cwd()), 18).folder / "pg_dump"
    done = subprocess.run([program, *connection, *arguments], capture_output=True, text=True, check=True)
    return normalize_dump(done.stdout)


def normalize_dump(text: str) -> str:
    """Drop comments, random tokens and blank lines; sort the lines within CREATE TABLE."""
    lines = [line for line in text.splitlines() if line and not line.startswith(("--", "\\"))]
    return "\n".join(_sort_columns(lines))


def _sort_columns(lines: list[str]) -> list[str]:
    result: list[str] = []
    body: list[str] | None = None
    for line in lines:
        if body is None:
            result.append(line)
            if re.match(r"CREATE (UNLOGGED )?TABLE .* \($", line):
                body = []
        elif line.startswith(")"):
            result += [*sorted(body), line]
            body = None
        else:
            body.append(line.rstrip(","))
    return result
