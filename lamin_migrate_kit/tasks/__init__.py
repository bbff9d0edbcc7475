"""The Invoke edge: arguments -> one function -> report -> exit code.

An adopting repository's tasks.py is two lines:

    from lamin_migrate_kit.tasks import namespace
    __all__ = ["namespace"]

The same collection is the program `lamin-migrate`, which works outside any repository.
"""

from __future__ import annotations

from invoke.collection import Collection

from lamin_migrate_kit.tasks import db, migrate
from lamin_migrate_kit.tasks.ci import ci
from lamin_migrate_kit.tasks.deploy import deploy
from lamin_migrate_kit.tasks.doctor import doctor
from lamin_migrate_kit.tasks.release import release

namespace = Collection(ci, deploy, doctor, release, migrate.namespace, db.namespace)

__all__ = ["main", "namespace"]


def main() -> None:
    """Run the program `lamin-migrate`."""
    from invoke.program import Program

    from lamin_migrate_kit import __version__

    Program(name="lamin-migrate", binary="lamin-migrate", version=__version__, namespace=namespace).run()
