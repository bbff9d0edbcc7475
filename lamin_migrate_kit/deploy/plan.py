"""What a deployment would do: from which release to which, and the SQL that it would send."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lamin_migrate_kit.alembic_bridge import PlannedStep, Script, open_script, plan_steps
from lamin_migrate_kit.deploy.errors import InstanceAhead
from lamin_migrate_kit.deploy.instance import Instance, inspect_release
from lamin_migrate_kit.deploy.record import record_statements
from lamin_migrate_kit.deploy.release import Release, packaged_release
from lamin_migrate_kit.revisions.history import History, Revision, read_history

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lamin_migrate_kit.schema_module import SchemaModule

DEFAULT_LOCK_TIMEOUT = 5.0
"""How long a statement may wait for a lock on the instance, in seconds."""
DEFAULT_WAIT = 600.0
"""How long to wait for another deployment, in seconds."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms an instance is deployed.

    Attributes:
        lock_timeout: How long a statement may wait for a lock, in seconds. While it waits for an exclusive lock,
            everybody else waits behind it, so it gives up early, and the deployment is taken back. 0 waits without end.
        wait: How long to wait for another deployment of the same module, in seconds.
        user: Who is recorded as the one who deployed; None for the database's user.
    """

    lock_timeout: float = DEFAULT_LOCK_TIMEOUT
    wait: float = DEFAULT_WAIT
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done to an instance; nothing, when `steps` is empty.

    Attributes:
        module: The schema module.
        history: Its revisions.
        script: Their code, as the plan was made from it and as it will run; None when there is nothing to do.
        instance: The instance.
        terms: On which terms.
        current: What the instance is at.
        desired: What the package needs.
        pending: The revisions between the two, the first one first.
        steps: What they would send.
        record: What records the deployment afterwards, in the transaction of the last step.
    """

    module: SchemaModule
    history: History
    script: Script | None
    instance: Instance
    terms: Terms
    current: Release
    desired: Release
    pending: tuple[Revision, ...]
    steps: tuple[PlannedStep, ...]
    record: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.pending

    @property
    def creates(self) -> bool:
        """Whether the database holds nothing of the module yet."""
        return self.current.migration is None

    @property
    def question(self) -> str:
        """What is asked before it is done."""
        if self.creates:
            return f"Do you want to create {self.module.name} {self.desired} in this database (y/n)?"
        return f"Do you want to migrate {self.module.name} from {self.current} to {self.desired} (y/n)?"

    @property
    def session(self) -> tuple[str, ...]:
        """What is set for the session before the first transaction."""
        return (f"SET lock_timeout = '{math.ceil(self.terms.lock_timeout * 1000)}ms'",)

    @property
    def sql(self) -> str:
        """Everything that would be sent, as one script; empty when there is nothing to do."""
        if self.empty:
            return ""
        record = [f"-- recorded in {self.module.deployments_table}", *(f"{one};" for one in self.record)]
        session = [f"{one};" for one in self.session]
        return (
            "\n\n".join([*session, "BEGIN;", *(step.text.rstrip() for step in self.steps), *record, "COMMIT;"]) + "\n"
        )

    @property
    def summary(self) -> str:
        """In words: the instance, from where to where, and the revisions on the way."""
        name, package = self.module.name, f"{self.module.package} {self.module.version}"
        if self.empty:
            return f"{self.instance.shown}\n{name} is at {self.current}, as {package} needs it."
        lines = [
            self.instance.shown,
            f"{name} is not in this database yet; {package} creates {self.desired}."
            if self.creates
            else f"{name} is at {self.current}; {package} needs {self.desired}.",
            "",
            f"pending revisions: {len(self.pending)}",
            *(f"  {one.id}  {one.version or 'unreleased'}  {one.path.name}" for one in self.pending),
        ]
        for step in self.steps:
            if "COMMIT" in step.statements:
                lines += ["", f"{step.revision} commits what stands before it: what is committed stays when it fails."]
            if step.unknown:
                lines += ["", f"{step.revision} cannot be shown in full: {step.unknown}."]
        if self.desired.unreleased:
            lines += [
                "",
                f"{self.desired.migration} is not released yet: no installed release can load the instance then.",
            ]
        return "\n".join(lines)


def _as_script(step: PlannedStep) -> list[str]:
    """A step's text; one that commits within is committed as a whole, as the bridge does it."""
    return [step.text.rstrip(), *(["COMMIT;", "BEGIN;"] if "COMMIT" in step.statements else [])]


def plan_deployment(instance: Instance, module: SchemaModule, terms: Terms | None = None) -> Plan:
    """Ask an instance what it is at, and plan the way to what the package needs. Changes nothing.

    Raises:
        InstanceUnreadable: It cannot be reached or read.
        InstanceAhead: It is at a migration that the package does not know.
        InstanceUnversioned: It has the module's tables, and no revision.
        RevisionError: The package's revisions are not a readable line.
    """
    history = read_history(module)
    with instance.connect() as connection:
        return plan_on(connection, instance, module, history, terms or Terms())


def plan_on(
    connection: Connection,
    instance: Instance,
    module: SchemaModule,
    history: History,
    terms: Terms,
    script: Script | None = None,
) -> Plan:
    """As `plan_deployment`, on a connection and with files that are open already; ends the connection's transaction."""
    desired = packaged_release(module, history)
    current = inspect_release(connection, instance, module, history)
    if current.migration is not None and history.get(current.migration) is None:
        raise _ahead(instance, module, current, desired)
    pending = _pending(history, current)
    record = record_statements(connection, module, desired, terms.user) if pending else []
    connection.rollback()
    script = (script or open_script(module)) if pending else None
    return Plan(
        module=module,
        history=history,
        script=script,
        instance=instance,
        terms=terms,
        current=current,
        desired=desired,
        pending=pending,
        steps=plan_steps(module, script, current.migration, "head") if script else (),
        record=tuple(record),
    )


def _pending(history: History, current: Release) -> tuple[Revision, ...]:
    ids = [None, *(one.id for one in history.revisions)]
    return history.revisions[ids.index(current.migration) :]


def _ahead(instance: Instance, module: SchemaModule, current: Release, desired: Release) -> InstanceAhead:
    package = module.package
    if current.installable:
        came = f"It was deployed with {package} {current.version}."
        cure = f"pip install {package}=={current.version}"
    elif current.unreleased:
        came = f"It was deployed from a checkout of {package} that no release contains."
        cure = f"pip install --upgrade {package}   # or the checkout that it was deployed from"
    else:
        came = "It has no record of the release that it was deployed with."
        cure = f"pip install --upgrade {package}"
    return InstanceAhead(
        f"The instance is at the migration {current.migration} of {module.name}, which {package} {desired.version} does"
        f" not know. {came} Nothing was changed.",
        current=current,
        desired=desired,
        where=instance.shown,
        next_command=cure,
    )
