"""Views, functions, triggers, rules, policies and event triggers: what is defined by a text."""

from __future__ import annotations

from dataclasses import replace

from lamin_migrate_kit.catalog.model import (
    CatalogObject,
    EventTrigger,
    Function,
    Policy,
    Rule,
    Trigger,
    View,
)
from lamin_migrate_kit.catalog.quoting import qualified, quote_literal, quote_name
from lamin_migrate_kit.diff.differ import Change
from lamin_migrate_kit.diff.expressions import replayable_expression
from lamin_migrate_kit.operations.model import Operation
from lamin_migrate_kit.operations.spelling.comments import comment_sql, comment_statements, target
from lamin_migrate_kit.operations.spelling.constraints import options_statements

_ENABLED = {"O": "ENABLE", "D": "DISABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}


def create_view(view: View) -> Operation:
    """CREATE VIEW or CREATE MATERIALIZED VIEW, with defaults and comments of its columns."""
    return Operation("create", view.key, (_view_sql(view, "CREATE"), *_view_extras(view)))


def _view_sql(view: View, verb: str) -> str:
    materialized = view.key.kind == "materialized_view"
    kind = "MATERIALIZED VIEW" if materialized else "VIEW"
    options = f" WITH ({', '.join(view.options)})" if view.options else ""
    return f"{verb} {kind} {qualified(view.key)}{options} AS\n{replayable_expression(view.definition)}"


def _view_extras(view: View) -> tuple[str, ...]:
    head = f"ALTER VIEW {qualified(view.key)} ALTER COLUMN"
    defaults = (f"{head} {quote_name(name)} SET DEFAULT {default}" for name, default in view.column_defaults)
    comments = (_column_comment(view, name, text) for name, text in view.column_comments)
    settings = (_column_setting(view, name, clause) for name, clause in view.column_settings)
    return (*defaults, *settings, *comment_statements(view), *comments)


def _column_setting(view: View, name: str, clause: str) -> str:
    return f"ALTER MATERIALIZED VIEW {qualified(view.key)} ALTER COLUMN {quote_name(name)} {clause}"


def _column_comment(view: View, name: str, text: str | None) -> str:
    literal = quote_literal(text) if text is not None else "NULL"
    return f"COMMENT ON COLUMN {qualified(view.key)}.{quote_name(name)} IS {literal}"


def can_replace_view(change: Change) -> bool:
    """Whether CREATE OR REPLACE does: the columns stay, and new ones come behind them."""
    current, desired = change.current, change.desired
    assert isinstance(current, View)
    assert isinstance(desired, View)
    if current.key.kind == "materialized_view":
        return not change.fields & {"definition", "columns", "column_settings"}
    return desired.columns[: len(current.columns)] == current.columns


def alter_view(change: Change) -> Operation:
    """CREATE OR REPLACE VIEW, options, defaults and comments."""
    current, desired = change.current, change.desired
    assert isinstance(current, View)
    assert isinstance(desired, View)
    word = "MATERIALIZED VIEW" if desired.key.kind == "materialized_view" else "VIEW"
    statements = []
    if change.fields & {"definition", "columns"}:
        statements.append(_view_sql(desired, "CREATE OR REPLACE"))
    elif "options" in change.fields:
        statements += options_statements(f"ALTER {word} {qualified(desired.key)}", current.options, desired.options)
    if "column_defaults" in change.fields:
        head = f"ALTER VIEW {qualified(desired.key)} ALTER COLUMN"
        gone = dict(current.column_defaults).keys() - dict(desired.column_defaults).keys()
        statements += [f"{head} {quote_name(name)} DROP DEFAULT" for name in sorted(gone)]
        statements += [f"{head} {quote_name(name)} SET DEFAULT {default}" for name, default in desired.column_defaults]
    if "comment" in change.fields:
        statements.append(comment_sql(desired.key, desired.comment))
    if "column_comments" in change.fields:
        texts = {**{name: None for name, _ in current.column_comments}, **dict(desired.column_comments)}
        statements += [_column_comment(desired, name, text) for name, text in texts.items()]
    return Operation("alter", desired.key, tuple(statements))


_UNCHECKED = "SET check_function_bodies = off"


def unchecked(operation: Operation) -> Operation:
    """A function that is made before what its body names: the server does not look into it now."""
    if operation.statements[0] == _UNCHECKED:
        return operation
    statements = (_UNCHECKED, *operation.statements, "RESET check_function_bodies")
    return replace(operation, statements=statements)


def create_function(function: Function) -> Operation:
    """CREATE FUNCTION, PROCEDURE or AGGREGATE."""
    definition = function.definition.replace("CREATE OR REPLACE", "CREATE", 1)
    return Operation("create", function.key, (definition, *comment_statements(function)))


def can_replace_function(change: Change) -> bool:
    """Whether CREATE OR REPLACE does: arguments keep their names and defaults, and the result stays."""
    current, desired = change.current, change.desired
    assert isinstance(current, Function)
    assert isinstance(desired, Function)
    if "result" in change.fields or current.defaults > desired.defaults:
        return False
    modes = [[mode for mode, _ in function.parameters] for function in (current, desired)]
    names = zip(current.parameters, desired.parameters, strict=False)
    return modes[0] == modes[1] and all(old in ("", new) for (_, old), (_, new) in names)


def alter_function(change: Change) -> Operation:
    """CREATE OR REPLACE, comment."""
    desired = change.desired
    assert isinstance(desired, Function)
    statements = [desired.definition] if change.fields - {"comment"} else []
    if "comment" in change.fields:
        statements.append(comment_sql(desired.key, desired.comment))
    return Operation("alter", desired.key, tuple(statements))


def drop_definition(value: CatalogObject) -> Operation:
    """DROP for every kind whose statement is DROP and its name."""
    return Operation("drop", value.key, (f"DROP {target(value.key)}",))


def create_trigger(trigger: Trigger) -> Operation:
    """CREATE TRIGGER and its enabled state."""
    return Operation("create", trigger.key, (trigger.definition, *_enabled(trigger), *comment_statements(trigger)))


def set_clone(trigger: Trigger, enabled: str) -> Operation:
    """Give a partition's clone of a trigger a state of its own."""
    return Operation("alter", trigger.key, (_enable(replace(trigger, enabled=enabled)),))


def _enabled(value: Trigger | Rule) -> tuple[str, ...]:
    return () if value.enabled == "O" else (_enable(value),)


def _enable(value: Trigger | Rule) -> str:
    word = "TRIGGER" if isinstance(value, Trigger) else "RULE"
    return f"ALTER TABLE {qualified(value.key)} {_ENABLED[value.enabled]} {word} {quote_name(value.key.part)}"


def create_rule(rule: Rule) -> Operation:
    """CREATE RULE and its enabled state."""
    return Operation("create", rule.key, (rule.definition, *_enabled(rule), *comment_statements(rule)))


def alter_enabled(change: Change) -> Operation:
    """The enabled state and the comment of a trigger or rule."""
    desired = change.desired
    assert isinstance(desired, Trigger | Rule)
    statements: tuple[str, ...] = (_enable(desired),) if "enabled" in change.fields else ()
    if "comment" in change.fields:
        statements += (comment_sql(desired.key, desired.comment),)
    return Operation("alter", desired.key, statements)


def create_policy(policy: Policy) -> Operation:
    """CREATE POLICY."""
    text = f"CREATE POLICY {quote_name(policy.key.part)} ON {qualified(policy.key)}"
    text += "" if policy.permissive else " AS RESTRICTIVE"
    text += "" if policy.command == "ALL" else f" FOR {policy.command}"
    text += f" TO {', '.join(policy.roles)}" if policy.roles != ("public",) else ""
    text += f" USING ({replayable_expression(policy.using)})" if policy.using else ""
    text += f" WITH CHECK ({replayable_expression(policy.check)})" if policy.check else ""
    return Operation("create", policy.key, (text, *comment_statements(policy)))


def create_event_trigger(trigger: EventTrigger) -> Operation:
    """CREATE EVENT TRIGGER and its enabled state."""
    tags = f" WHEN TAG IN ({', '.join(quote_literal(tag) for tag in trigger.tags)})" if trigger.tags else ""
    name = quote_name(trigger.key.name)
    statements: tuple[str, ...] = (
        f"CREATE EVENT TRIGGER {name} ON {trigger.event}{tags} EXECUTE FUNCTION {trigger.function}()",
    )
    if trigger.enabled != "O":
        statements += (f"ALTER EVENT TRIGGER {name} {_ENABLED[trigger.enabled]}",)
    return Operation("create", trigger.key, (*statements, *comment_statements(trigger)))
