"""The one place that turns arguments into a call, and what comes back or is raised into text and exit codes.

Every task of the kit is declared with `kit_task`. Nothing heavy is imported here: `invoke --list` reads it.

Exit codes: 0 done, 1 differences or a failed proof, 2 could not run, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from invoke.exceptions import Exit, ParseError, UnexpectedExit
from invoke.tasks import Task, task

from lamin_migrate_kit.errors import MigrateKitError
from lamin_migrate_kit.garbage import seldom_collected
from lamin_migrate_kit.interruption import swallowed_interrupts_again

if TYPE_CHECKING:
    from lamin_migrate_kit.settings import Settings

COULD_NOT_RUN = 2
INTERRUPTED = 130

Body = Callable[..., int | None]


class UsageError(MigrateKitError):
    """An option has a value that the task cannot use, or options contradict each other."""


class Interrupted(MigrateKitError):
    """Ctrl-C."""

    exit_code = INTERRUPTED


class UnexpectedError(MigrateKitError):
    """Something that the kit did not expect: a mistake of ours, as a rule."""


def kit_task(
    command: str,
    *,
    help: Mapping[str, str],
    positional: Iterable[str] = (),
    iterable: Iterable[str] = (),
    formats: tuple[str, ...] = ("text", "json"),
    interrupted: str = "Nothing was written.",
) -> Callable[[Body], Task[Any]]:
    """Declare a task of the kit.

    The body gets the Invoke context and the options, and returns an exit code (None is 0). What it raises is
    turned into text on stderr, or into one JSON document on stdout when its option `format` is `json`.

    Args:
        command: The task's whole name as it is typed, such as `migrate.generate`.
        help: What each option means. A name that the body does not have crashes Invoke's command line.
        positional: The options that may be given without a flag. Leave it empty: Invoke takes the `--help` of
            `invoke TASK --help` for the value (this decorator catches that, and shows the help).
        iterable: The options that may be repeated.
        formats: What `--format` accepts, where the body has that option.
        interrupted: What holds after Ctrl-C, said to the user.
    """

    def declare(body: Body) -> Task[Any]:
        options: dict[str, Any] = {
            "positional": list(positional),
            "iterable": list(iterable),
            "auto_shortflags": False,
        }

        @functools.wraps(body)
        def run(c: Any, *args: Any, **kwargs: Any) -> None:
            if any(_asks_for_help(value) for value in (*args, *kwargs.values())):
                _print_help(command, Task(run, help=dict(help), **options))
                return
            call = functools.partial(body, c, *args, **kwargs)
            code = _guarded(call, command, kwargs, formats, interrupted)
            if code:
                raise Exit(code=code)

        return task(name=command.rpartition(".")[2], help=dict(help), **options)(run)  # type: ignore[no-any-return]

    return declare


def require_text(command: str, flag: str, value: str | None, example: str) -> None:
    """Refuse an option that was given and is empty: mostly a variable of the shell that is not set.

    Going on as if it were left out would do something else than was meant.
    """
    if value is not None and not value.strip():
        raise UsageError(f"--{flag} is empty.", next_command=f"{command} --{flag} {example}")


def current_settings() -> Settings:
    """The settings for the folder and the environment that the command was started in."""
    from pathlib import Path

    from lamin_migrate_kit.settings import read_settings

    return read_settings(Path.cwd(), os.environ)


def _guarded(
    call: Callable[[], int | None],
    command: str,
    options: Mapping[str, object],
    formats: tuple[str, ...],
    interrupted: str,
) -> int:
    """Run a task's body and return the exit code; everything that is raised ends here."""
    json = options.get("format") == "json" and "json" in formats
    _open_missing_streams()
    # Invoke keeps the whole process from writing compiled modules; without them every run compiles the kit anew.
    sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)
    try:
        _check_format(command, options, formats)
        with swallowed_interrupts_again(), seldom_collected():
            return call() or 0
    except (Exit, ParseError, UnexpectedExit):
        raise  # Invoke's own way to end
    except MigrateKitError as error:
        _show_error(error, command, json)
        return error.exit_code
    except KeyboardInterrupt:
        _show_error(Interrupted(f"Stopped by Ctrl-C. {interrupted}"), command, json)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`invoke ci | head`). Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return COULD_NOT_RUN
    except Exception as error:
        _show_unexpected(error, command, json)
        return COULD_NOT_RUN


def _open_missing_streams() -> None:
    """Read nothing from, and write nowhere to, what the caller closed (`invoke ci <&-`): Python has None for those."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 (open for as long as we run)


def _check_format(command: str, options: Mapping[str, object], formats: tuple[str, ...]) -> None:
    chosen = options.get("format", formats[0])
    if chosen not in formats:
        raise UsageError(
            f"--format {chosen} is not known here; choose one of: {', '.join(formats)}.",
            next_command=f"invoke {command} --format {formats[0]}",
        )


def _asks_for_help(value: object) -> bool:
    """Whether Invoke took `--help` for the value of an option."""
    return any(one in ("--help", "-h") for one in (value if isinstance(value, list) else [value]))


def _print_help(command: str, declared: Task[Any]) -> None:
    import inspect

    from invoke.parser.context import ParserContext

    print(f"Usage: invoke {command} [--options]\n\n{inspect.getdoc(declared.body) or ''}\n\nOptions:")
    for flags, text in ParserContext(name=command, args=declared.get_arguments()).help_tuples():
        print(f"  {flags}\n      {text}")


def _show_error(error: MigrateKitError, command: str, json: bool) -> None:
    if json:
        from lamin_migrate_kit.report.json import error_document, print_document

        print_document(error_document(command, error))
    else:
        from lamin_migrate_kit.report.terminal import print_error

        print_error(error)


def _show_unexpected(error: Exception, command: str, json: bool) -> None:
    import platform
    import traceback

    from lamin_migrate_kit import __version__

    first = str(error).splitlines()[0] if str(error) else ""
    unexpected = UnexpectedError(
        f"Something happened in {command} that the kit did not expect: {type(error).__name__}: {first}",
        next_command="Please report it as an issue of lamin_migrate_kit, with the lines above and these versions:\n"
        f"lamin_migrate_kit {__version__}, Python {platform.python_version()}, {platform.platform()}",
        details="".join(traceback.format_exception(error)),
    )
    _show_error(unexpected, command, json)
