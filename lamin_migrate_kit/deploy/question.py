"""The question before an instance is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from lamin_migrate_kit.deploy.errors import DeploymentDeclined, NobodyToAsk
from lamin_migrate_kit.deploy.release import install_command
from lamin_migrate_kit.report.redact import redact
from lamin_migrate_kit.report.terminal import at_a_terminal, print_text

if TYPE_CHECKING:
    from lamin_migrate_kit.deploy.plan import Plan


class Asker(Protocol):
    """Whoever decides whether a plan is carried out: a person at a terminal, a test, a dialog of an application."""

    def __call__(self, plan: Plan) -> bool:
        """Show the plan (`plan.summary`, `plan.sql`, `plan.question`), and return the answer."""
        ...


def ask_at_terminal(plan: Plan) -> bool:
    """Print the plan with its SQL, and ask until the answer is yes or no. The end of the input is a no."""
    print_text(redact(f"{plan.summary}\n\n{plan.sql}"))
    while True:
        try:
            answer = input(f"{plan.question} ").strip().lower()
        except EOFError:
            print()
            return False
        if answer in ("y", "yes", "n", "no"):
            return answer.startswith("y")
        print("Please answer y or n.")


def terminal_asker() -> Asker | None:
    """Somebody to ask; None when nobody sits at a terminal."""
    return ask_at_terminal if at_a_terminal() else None


def require_consent(plan: Plan, ask: Asker | None, command: str) -> None:
    """Return when the plan may be carried out.

    Args:
        plan: What would be done.
        ask: Who decides; None when there is nobody.
        command: The command that would do it without asking, for the message.

    Raises:
        DeploymentDeclined: The answer was no.
        NobodyToAsk: There is nobody to ask.
    """
    if ask is None:
        raise NobodyToAsk(
            f"{_state(plan)} Nobody is at a terminal to be asked, so nothing was changed.",
            current=plan.current,
            desired=plan.desired,
            where=plan.instance.shown,
            next_command=_ways_out(plan, command),
        )
    if not ask(plan):
        raise DeploymentDeclined(
            f"{_state(plan)} The migration was declined, so nothing was changed.",
            current=plan.current,
            desired=plan.desired,
            where=plan.instance.shown,
            next_command=_ways_out(plan, command),
        )


def _state(plan: Plan) -> str:
    package = f"{plan.module.package} {plan.module.version}"
    if plan.creates:
        return f"{plan.module.name} is not in this database yet; {package} would create {plan.desired}."
    return f"{plan.module.name} is at {plan.current} on this instance, and {package} needs {plan.desired}."


def _ways_out(plan: Plan, command: str) -> str:
    deploy = f"{command}   # to {'create' if plan.creates else 'migrate'} it"
    if plan.creates:
        return deploy
    return f"{install_command(plan.module, plan.current)}   # to use the instance as it is\n{deploy}"
