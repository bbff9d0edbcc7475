"""Loading an instance: an engine for it, once it is at what the installed package needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import create_engine

from lamin_migrate_kit.deploy.apply import apply_plan
from lamin_migrate_kit.deploy.instance import parse_instance_url
from lamin_migrate_kit.deploy.plan import DEFAULT_LOCK_TIMEOUT, DEFAULT_WAIT, Terms, plan_deployment
from lamin_migrate_kit.deploy.question import Asker, require_consent, terminal_asker
from lamin_migrate_kit.schema_module import installed_schema_module

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine


def load(
    url: str | URL,
    package: str,
    *,
    ask: Asker | None = None,
    lock_timeout: float = DEFAULT_LOCK_TIMEOUT,
    wait: float = DEFAULT_WAIT,
    user: str | None = None,
) -> Engine:
    """Load an instance: return an engine for it, after asking whether to deploy what it lacks.

    An instance that is at what the package needs is only read. An empty database is created from the revisions, after
    the same question: a URL with a wrong name in it is not filled with tables without a word.

    Args:
        url: Of the instance, in any spelling that a Postgres driver has.
        package: The import name of the installed schema module, such as `lnschema_core`.
        ask: Decides whether a plan is carried out. By default the person at the terminal, if there is one.
        lock_timeout: How long a statement of the migration may wait for a lock, in seconds; 0 waits without end.
        wait: How long to wait for somebody else's deployment, in seconds.
        user: Who is recorded as the one who deployed; by default the database's user.

    Returns:
        An engine with the driver `postgresql+psycopg2`.

    Raises:
        NobodyToAsk: The instance is behind, and there is no terminal.
        DeploymentDeclined: The instance is behind, and the answer was no.
        InstanceAhead: The instance needs a newer release of the package; the message names it.
        InstanceUnversioned: The database has the module's tables, and no revision.
        InstanceUnreadable: It cannot be reached or read.
        DeploymentFailed: The migration failed; the message says what the instance is at.
        SchemaModuleError: The package is not installed, or says contradicting things of itself.
    """
    module = installed_schema_module(package)
    instance = parse_instance_url(url)
    plan = plan_deployment(instance, module, Terms(lock_timeout, wait, user))
    if not plan.empty:
        command = f"lamin-migrate deploy --package {package} --url '{instance.shown}' --yes"
        require_consent(plan, ask or terminal_asker(), command)
        apply_plan(plan)
    return create_engine(instance.url)
