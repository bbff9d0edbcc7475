"""`invoke deploy`: bring an instance to what the module at hand needs, or show what that would do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lamin_migrate_kit.tasks.edge import UsageError, current_settings, kit_task, require_text

if TYPE_CHECKING:
    from invoke.context import Context

    from lamin_migrate_kit.deploy import Asker, Deployment, Instance, Plan, Release
    from lamin_migrate_kit.report.model import Environment
    from lamin_migrate_kit.schema_module import SchemaModule
    from lamin_migrate_kit.settings import Settings

VARIABLE = "LAMIN_MIGRATE_INSTANCE_URL"
_HELP = {
    "url": f"The instance. {VARIABLE} says it as well, and leaves no password in the shell's history.",
    "package": "An installed schema module, such as lnschema_core, instead of the checkout's own.",
    "yes": "Do not ask.",
    "dry-run": "Show what would be done, with the SQL, and change nothing.",
    "lock-timeout": "How many seconds a statement may wait for a lock, before all is taken back; 0 waits without end.",
    "wait": "How many seconds to wait for somebody else's deployment.",
    "user": "Who is recorded as the one who deployed, instead of the database's user.",
    "format": "text or json",
}
_INTERRUPTED = "What was not committed is rolled back. `invoke deploy --dry-run` shows what the instance is at."


@kit_task("deploy", help=_HELP, interrupted=_INTERRUPTED)
def deploy(
    c: Context,
    url: str | None = None,
    package: str | None = None,
    yes: bool = False,
    dry_run: bool = False,
    lock_timeout: str = "5",
    wait: str = "600",
    user: str = "",
    format: str = "text",
) -> int:
    """Migrate an instance to what the schema module needs, after asking. An empty database is created.

    All pending revisions and the record of the deployment are one transaction, where the revisions allow it.
    """
    from lamin_migrate_kit.deploy import Terms, apply_plan, plan_deployment, require_consent
    from lamin_migrate_kit.interruption import termination_raises

    require_text("invoke deploy", "url", url, "postgresql://…")
    require_text("lamin-migrate deploy", "package", package, "lnschema_core")
    settings = current_settings()
    instance, module = _instance(settings, url), _module(settings, package)
    terms = Terms(_seconds("--lock-timeout", lock_timeout), _seconds("--wait", wait), user or None)
    plan = plan_deployment(instance, module, terms)
    # Asked for before anything is done: a report must not fail over it afterwards.
    where = _environment(instance) if format == "json" else None
    if plan.empty or dry_run or c.config.run.dry:
        return _show_plan(plan, where)
    if not yes:
        require_consent(plan, _asker(format), _command(instance, url, package))
    elif format != "json":
        _say(f"{plan.summary}\n")
    with termination_raises():
        done = apply_plan(plan, on_wait=_say_who_is_waited_for if format != "json" else None)
    return _show_deployment(done, where)


def _environment(instance: Instance) -> Environment:
    from lamin_migrate_kit.fingerprint import given_environment

    with instance.connect() as connection:
        return given_environment(connection, "instance")


def _seconds(flag: str, text: str) -> float:
    # Not left to Invoke: it answers a word where a number should be with a traceback.
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        raise UsageError(f"{flag} {text} is no number of seconds.", next_command=f"invoke deploy {flag} 30")
    return float(text)


def _instance(settings: Settings, url: str | None) -> Instance:
    from lamin_migrate_kit.deploy import parse_instance_url

    given = url or settings.instance_url
    if given:
        return parse_instance_url(given)
    raise UsageError(
        "No instance is named.",
        next_command=f"export {VARIABLE}=postgresql://USER:PASSWORD@HOST:5432/DATABASE   # or --url with the same",
    )


def _module(settings: Settings, package: str | None) -> SchemaModule:
    from lamin_migrate_kit.schema_module import find_schema_module, installed_schema_module

    return installed_schema_module(package) if package else find_schema_module(settings)


def _asker(format: str) -> Asker | None:
    """Nobody when the output is for a program: a question would stand in the middle of its document."""
    from lamin_migrate_kit.deploy import terminal_asker

    return None if format == "json" else terminal_asker()


def _command(instance: Instance, url: str | None, package: str | None) -> str:
    """How to call this task without being asked; the password is left out."""
    named = f" --url '{instance.shown}'" if url else ""
    chosen = f" --package {package}" if package else ""
    return f"{'lamin-migrate' if package else 'invoke'} deploy{chosen}{named} --yes"


def _show_plan(plan: Plan, where: Environment | None) -> int:
    if where:
        _print_json("up-to-date" if plan.empty else "planned", plan, where)
        return 0
    _say(plan.summary if plan.empty else f"{plan.summary}\n\n{plan.sql}\nNothing was changed.")
    return 0


def _show_deployment(done: Deployment, where: Environment | None) -> int:
    if where:
        status = "deployed" if done.steps else "up-to-date"
        _print_json(status, done.plan, where, committed_before=list(done.committed_before))
        return 0
    plan = done.plan
    if not done.steps:
        _say(f"Somebody else has deployed meanwhile. {plan.summary}")
        return 0
    seconds = sum(step.seconds for step in done.steps)
    _say(
        f"{plan.module.name} is at {plan.desired} now: {len(done.steps)} revision(s) in {seconds:.2f} s,"
        f" recorded in {plan.module.deployments_table}."
    )
    for revision in done.committed_before:
        _say(f"There had to be a commit before {revision}, so not everything was one transaction.")
    return 0


def _say(text: str) -> None:
    from lamin_migrate_kit.report.redact import redact
    from lamin_migrate_kit.report.terminal import print_text

    print_text(redact(text))


def _say_who_is_waited_for(holder: str) -> None:
    _say(f"Waiting for another deployment: {holder}.")


def _print_json(status: str, plan: Plan, where: Environment, **more: object) -> None:
    from lamin_migrate_kit.report.json import document, environment_fields, print_document

    pending = [
        {
            "revision": revision.id,
            "version": revision.version,
            "file": revision.path.name,
            "statements": list(step.statements),
            "unknown": step.unknown,
        }
        for revision, step in zip(plan.pending, plan.steps, strict=True)
    ]
    print_document(
        document(
            "deploy",
            status,
            module=plan.module.package,
            environment=environment_fields(where),
            instance=plan.instance.shown,
            current=_release(plan.current),
            desired=_release(plan.desired),
            pending=pending,
            record=list(plan.record),
            sql=plan.sql,
            **more,
        )
    )


def _release(release: Release) -> dict[str, str | None]:
    return {"version": release.version, "migration": release.migration}
