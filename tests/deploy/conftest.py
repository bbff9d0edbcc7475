from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lamin_migrate_kit.deploy import Instance, apply_plan, plan_deployment
from lamin_migrate_kit.scratch import ScratchDatabase
from tests.deploy.instances import MODELS, NOTEBOOK, release_rename, run
from tests.histories import History


@pytest.fixture
def package(tmp_path: Path, scratch: ScratchDatabase, monkeypatch: pytest.MonkeyPatch) -> Iterator[History]:
    """An importable schema module with a first release: schema `small`, table `notebook`."""
    name = f"lnschema_small_{scratch.name[-30:].strip('_')}"
    history = History(tmp_path / "site", package=name, schema_id="smal", version="0.1.0")
    history.add(NOTEBOOK, 'op.execute("DROP SCHEMA small CASCADE")', released="0.1.0")
    history.write_models(MODELS)
    monkeypatch.syspath_prepend(str(history.root))
    yield history
    for loaded in [one for one in sys.modules if one.partition(".")[0] == name]:
        del sys.modules[loaded]


@pytest.fixture
def instance(scratch: ScratchDatabase) -> Instance:
    """An empty database."""
    return Instance(scratch.url)


@pytest.fixture
def behind(package: History, instance: Instance) -> History:
    """The package is at 1.0.0, which renames a column; the instance is at 0.1.0 and holds two rows."""
    apply_plan(plan_deployment(instance, package.module))
    run(instance, "INSERT INTO small.notebook VALUES (1, '1'), (2, '7')")
    release_rename(package)
    return package
