"""Questions at a terminal: the best guess first, `?` shows what speaks for it; the answer is the flag that says it."""

from __future__ import annotations

import shlex

from rich.text import Text

from lamin_migrate_kit.comparison import Ask, Preview
from lamin_migrate_kit.decisions import split_pair
from lamin_migrate_kit.errors import DecisionNeeded
from lamin_migrate_kit.operations.model import Question
from lamin_migrate_kit.report.terminal import at_a_terminal, console, print_note, print_text


def terminal_asker(*, no_input: bool, format: str) -> Ask | None:
    """Somebody to ask; None when nobody sits at a terminal, or nobody wants to be asked."""
    if no_input or format != "text" or not at_a_terminal():
        return None
    return ask_at_terminal


def ask_at_terminal(question: Question, preview: Preview) -> str:
    """Ask one question.

    Args:
        question: What to ask.
        preview: What the upgrade would be with an answer.

    Returns:
        The flag that gives the answer, as `--rename core.notebook.v:version`.

    Raises:
        DecisionNeeded: The input ended without an answer.
    """
    print_text()
    print_text(question.text, "bold")
    return _choose(question, preview) if len(question.flags) > 1 else _fill_in(question, preview)


def _choose(question: Question, preview: Preview) -> str:
    """One of several flags, by its number."""
    for number, flag in enumerate(question.flags, start=1):
        best = ("  best guess", "dim") if number == 1 else ""
        console().print(Text.assemble((f"  {number}  ", "cyan"), flag, best))
    while True:
        answer = _read(question, "1", preview)
        if answer.isdigit() and 1 <= int(answer) <= len(question.flags):
            return question.flags[int(answer) - 1]
        if answer in question.flags:
            return answer
        print_note(f"Please answer with a number from 1 to {len(question.flags)}, or ? to see what speaks for it.")


def _fill_in(question: Question, preview: Preview) -> str:
    """A value for the only flag: the guess, or what is typed."""
    (guess,) = question.flags
    flag, pair = shlex.split(guess)
    name, value = split_pair(pair)
    answer = _read(question, "yes" if value is None else value, preview)
    if value is None or answer == value:
        return guess
    return f"{flag} {shlex.quote(f'{name}={answer}')}"


def _read(question: Question, default: str, preview: Preview) -> str:
    while True:
        try:
            answer = console().input(Text.assemble("  answer, or ? for why ", (f"[{default}]", "cyan"), ": ")).strip()
        except EOFError:
            print_text()
            raise DecisionNeeded(
                "The question was not answered; nothing was written.",
                details=question.text,
                next_command="run the same command with\n" + "   or   ".join(question.flags),
            ) from None
        if answer != "?":
            return answer or default
        _explain(question, preview)


def _explain(question: Question, preview: Preview) -> None:
    """What speaks for the best guess, and the statements that each answer leads to."""
    for sentence in question.evidence or ("Nothing speaks for one answer or the other.",):
        print_note(f"    {sentence}")
    for flags in question.flags:
        print_text(f"    with {flags}", "cyan")
        statements = [statement for operation in preview(flags) for statement in operation.statements]
        for line in "\n".join(statements or ["nothing is changed"]).splitlines():
            print_text(f"        {line}", "dim")
