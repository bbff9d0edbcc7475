"""Names that need quoting, of 63 bytes and more, and in other alphabets, through the whole way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lamin_migrate_kit.scratch import ScratchDatabase
from lamin_migrate_kit.servers import Server
from lamin_migrate_kit.servers.server import libpq_url

pytestmark = pytest.mark.slow

INIT = (
    b'\xef\xbb\xbf_schema_id = "oddx"\r\n_name = "odd"\r\n_migration = None\r\n'
    b'__version__ = "0.1.0"  # no final newline'
)

MODELS = """
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase):
    pass

class Meter(Base):
    __tablename__ = 'Zähler "alt".x'
    __table_args__ = (
        sa.UniqueConstraint("grösse", name="uq:%s %(a)s"),
        sa.CheckConstraint("grösse <> 'a\\\\:b%c'", name="ck_ä"),
        {"schema": "Ödland", "comment": "it's 100% :fine \\\\ \\"q\\""},
    )
    id: Mapped[int] = mapped_column("order", primary_key=True)
    size: Mapped[str] = mapped_column("grösse", sa.String(20), server_default="a:b'c%", comment="x\\ny")
    kind: Mapped[str] = mapped_column(
        sa.Enum("ja:nein", "it's", "Ä%", name="Wahl Ä", schema="Ödland"), server_default="it's"
    )
    long: Mapped[int | None] = mapped_column("n" * 70)
    user: Mapped[str] = mapped_column("user", index=True)

class Child(Base):
    __tablename__ = "k" * 60
    __table_args__ = {"schema": "Ödland"}
    id: Mapped[int] = mapped_column(primary_key=True)
    meter: Mapped[int] = mapped_column(sa.ForeignKey(Meter.id))
"""


def test_odd_names_go_the_whole_way(server: Server, scratch: ScratchDatabase, tmp_path: Path) -> None:
    root = tmp_path / "ein Ordner mit Ümlaut"
    package = root / "odd_pkg"
    package.mkdir(parents=True)
    waive = 'alembic-check = "it cannot read these names"\nold-code = "no git here"'
    project = '[project]\nname = "odd_pkg"\ndynamic = ["version"]\n'
    (root / "pyproject.toml").write_text(f"{project}[tool.lamin_migrate_kit.waive]\n{waive}\n")
    (package / "__init__.py").write_bytes(INIT)
    (package / "models.py").write_text(MODELS, encoding="utf-8")

    _run(root, server, "migrate.generate", "--revision-id", "aaaaaaaaaaaa")
    assert (package / "__init__.py").read_bytes() == INIT.replace(b"None", b'"aaaaaaaaaaaa"')
    assert "match" not in _run(root, server, "ci", expected=(0,)).split("schema proven")[1]
    _run(root, server, "release", "0.2.0", "--allow-dirty")
    written = INIT.replace(b"None", b'"aaaaaaaaaaaa"').replace(b"0.1.0", b"0.2.0")
    assert (package / "__init__.py").read_bytes() == written
    _run(root, server, "deploy", "--url", libpq_url(scratch.url), "--yes")

    with scratch.connect() as connection:
        connection.exec_driver_sql("""INSERT INTO "Ödland".\"Zähler ""alt"".x" ("user") VALUES ('Ä')""")
        connection.commit()
    models = package / "models.py"
    models.write_text(models.read_text(encoding="utf-8").replace('"n" * 70', '"m" * 70'), encoding="utf-8")
    stopped = _run(root, server, "migrate.generate", "--no-input", expected=(0, 2))
    if "--rename" in stopped:
        flag = f"""Ödland."Zähler ""alt"".x".{"n" * 63}:{"m" * 63}"""
        _run(root, server, "migrate.generate", "--rename", flag)
    _run(root, server, "ci")
    _run(root, server, "release", "0.3.0", "--allow-dirty")
    _run(root, server, "deploy", "--url", libpq_url(scratch.url), "--yes")
    with scratch.connect() as connection:
        rows = connection.exec_driver_sql(f"""SELECT "user", {"m" * 63} FROM "Ödland"."Zähler ""alt"".x" """)
        assert rows.all() == [("Ä", None)]


def _run(root: Path, server: Server, *arguments: str, expected: tuple[int, ...] = (0,)) -> str:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("LAMIN_", "GITHUB_"))}
    done = subprocess.run(
        [sys.executable, "-c", "from lamin_migrate_kit.tasks import main; main()", *arguments],
        cwd=root,
        env={**environ, "LAMIN_MIGRATE_SERVER_URL": libpq_url(server.url)},
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode in expected, done.stdout + done.stderr
    return done.stdout + done.stderr
