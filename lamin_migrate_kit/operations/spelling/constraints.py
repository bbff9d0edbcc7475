"""Primary keys, uniques, foreign keys, checks and exclusion constraints."""

from __future__ import annotations

import re
from itertools import takewhile

from lamin_migrate_kit.catalog.model import Constraint, ObjectKey
from lamin_migrate_kit.catalog.quoting import qualified, quote_name
from lamin_migrate_kit.diff.differ import Change
from lamin_migrate_kit.diff.expressions import replayable_expression
from lamin_migrate_kit.operations.model import Operation
from lamin_migrate_kit.operations.spelling.columns import alter_table
from lamin_migrate_kit.operations.spelling.comments import comment_sql, comment_statements
from lamin_migrate_kit.operations.words import (
    escape_text,
    render_call,
    render_execute,
    render_list,
    render_schema,
    render_string,
)

_TYPES = {"p": "primary", "u": "unique", "f": "foreignkey", "c": "check"}
_ACTION = re.compile(r"ON (UPDATE|DELETE) (CASCADE|RESTRICT|SET NULL|SET DEFAULT)(?! \()")


def constraint_sql(constraint: Constraint) -> str:
    """A constraint as it stands in CREATE TABLE and ADD."""
    return f"CONSTRAINT {quote_name(constraint.key.part)} {replayable_expression(constraint.definition)}"


def create_constraint(constraint: Constraint, *, only: bool = False) -> Operation:
    """ADD CONSTRAINT.

    Args:
        constraint: The constraint.
        only: Whether partitions are left out, whose own are attached one by one.
    """
    words = None if only else _create_words(constraint)
    extras = constraint_extras(constraint)
    head = alter_table(constraint.key).replace("ALTER TABLE", "ALTER TABLE ONLY" if only else "ALTER TABLE", 1)
    return Operation(
        "create",
        constraint.key,
        (f"{head} ADD {constraint_sql(constraint)}", *extras),
        words=(words, *map(render_execute, extras)) if words else (),
    )


def constraint_extras(constraint: Constraint) -> tuple[str, ...]:
    """What ADD CONSTRAINT cannot say: the index's storage parameters, CLUSTER, the comment."""
    index = _index(constraint)
    options = (f"ALTER INDEX {qualified(index)} SET ({', '.join(constraint.options)})",) if constraint.options else ()
    cluster = (_cluster(constraint),) if constraint.clustered else ()
    commented = (comment_sql(index, constraint.index_comment),) if constraint.index_comment is not None else ()
    return (*options, *cluster, *comment_statements(constraint), *commented)


def _index(constraint: Constraint) -> ObjectKey:
    """The index behind a constraint, which has the constraint's name."""
    return ObjectKey("index", constraint.key.schema, constraint.key.part)


def _cluster(constraint: Constraint) -> str:
    return f"{alter_table(constraint.key)} CLUSTER ON {quote_name(constraint.key.part)}"


def drop_constraint(constraint: Constraint) -> Operation:
    """DROP CONSTRAINT."""
    type_ = _TYPES.get(constraint.type)
    words = render_call(
        "op.drop_constraint",
        [render_string(constraint.key.part), render_string(constraint.key.name)],
        schema=render_schema(constraint.key.schema),
        type_=None if type_ is None else render_string(type_),
    )
    statement = f"{alter_table(constraint.key)} DROP CONSTRAINT {quote_name(constraint.key.part)}"
    return Operation("drop", constraint.key, (statement,), words=(words,))


def can_alter(change: Change) -> bool:
    """Whether a constraint can stay and only be altered."""
    if "definition" not in change.fields:
        return "type" not in change.fields
    return _becomes_valid(change) or _only_deferrable(change)


def _becomes_valid(change: Change) -> bool:
    current, desired = change.current, change.desired
    assert isinstance(current, Constraint)
    assert isinstance(desired, Constraint)
    return desired.validated and current.definition.removesuffix(" NOT VALID") == desired.definition


def _only_deferrable(change: Change) -> bool:
    current, desired = change.current, change.desired
    assert isinstance(current, Constraint)
    assert isinstance(desired, Constraint)
    return current.type == "f" and _without_deferral(current) == _without_deferral(desired)


def _without_deferral(constraint: Constraint) -> str:
    return re.sub(r" (DEFERRABLE|INITIALLY DEFERRED)\b", "", constraint.definition)


def alter_constraint(change: Change) -> Operation:
    """RENAME, VALIDATE, ALTER CONSTRAINT, storage parameters, comment."""
    current, desired = change.current, change.desired
    assert isinstance(current, Constraint)
    assert isinstance(desired, Constraint)
    table, name = alter_table(desired.key), quote_name(desired.key.part)
    statements = []
    if "key" in change.fields:
        statements.append(f"{table} RENAME CONSTRAINT {quote_name(current.key.part)} TO {name}")
    if "definition" in change.fields and _only_deferrable(change):
        statements.append(f"{table} ALTER CONSTRAINT {name} {_deferral(desired)}")
    elif "definition" in change.fields:
        statements.append(f"{table} VALIDATE CONSTRAINT {name}")
    if "options" in change.fields:
        head = f"ALTER INDEX {qualified(_index(desired))}"
        statements += options_statements(head, current.options, desired.options)
    if "clustered" in change.fields:
        statements.append(_cluster(desired) if desired.clustered else f"{table} SET WITHOUT CLUSTER")
    if "comment" in change.fields:
        statements.append(comment_sql(desired.key, desired.comment))
    if "index_comment" in change.fields:
        statements.append(comment_sql(_index(desired), desired.index_comment))
    action = "rename" if change.fields == {"key"} else "alter"
    return Operation(action, desired.key, tuple(statements))


def _deferral(constraint: Constraint) -> str:
    if not constraint.deferrable:
        return "NOT DEFERRABLE"
    return "DEFERRABLE INITIALLY DEFERRED" if constraint.initially_deferred else "DEFERRABLE INITIALLY IMMEDIATE"


def options_statements(head: str, current: tuple[str, ...], desired: tuple[str, ...]) -> list[str]:
    """RESET what is gone, SET what is new or changed, so that they stand in the desired order: SET puts at the end."""
    statements = []
    removed = sorted({option.split("=")[0] for option in current} - {option.split("=")[0] for option in desired})
    if removed:
        statements.append(f"{head} RESET ({', '.join(removed)})")
    kept = (option for option in current if option in desired)
    in_place = [ours for ours, theirs in takewhile(lambda pair: pair[0] == pair[1], zip(kept, desired, strict=False))]
    changed = desired[len(in_place) :]
    if changed:
        statements.append(f"{head} SET ({', '.join(changed)})")
    return statements


def _create_words(constraint: Constraint) -> str | None:
    if not _sayable(constraint):
        return None
    name, table = render_string(constraint.key.part), render_string(constraint.key.name)
    schema = render_schema(constraint.key.schema)
    columns = render_list(render_string(column) for column in constraint.columns)
    if constraint.type == "f":
        return _foreign_key_words(constraint, name, table, columns)
    if constraint.type == "c":
        condition = render_string(escape_text(_condition(constraint)))
        return render_call("op.create_check_constraint", [name, table, condition], schema=schema)
    if constraint.type == "p" and constraint.deferrable:
        return None  # Alembic's function does not take it
    function = "op.create_primary_key" if constraint.type == "p" else "op.create_unique_constraint"
    return render_call(function, [name, table, columns], schema=schema, **_deferral_words(constraint))


def _sayable(constraint: Constraint) -> bool:
    """Whether Alembic's own words give exactly this definition."""
    if constraint.type == "c":
        return not re.search(r"\) (NO INHERIT|NOT VALID|NOT ENFORCED)", constraint.definition[-40:])
    if constraint.type == "f":
        extra = re.search(r"MATCH|NOT VALID|NOT ENFORCED|PERIOD|SET (NULL|DEFAULT) \(", constraint.definition)
        return extra is None
    plain = re.fullmatch(r"(PRIMARY KEY|UNIQUE) \([^()]*\)( DEFERRABLE| INITIALLY DEFERRED)*", constraint.definition)
    return constraint.type in "pu" and plain is not None and "WITHOUT OVERLAPS" not in constraint.definition


def _condition(constraint: Constraint) -> str:
    text = replayable_expression(constraint.definition.removeprefix("CHECK "))
    return text[1:-1]


def _deferral_words(constraint: Constraint) -> dict[str, str]:
    words = {}
    if constraint.deferrable:
        words["deferrable"] = "True"
    if constraint.initially_deferred:
        words["initially"] = '"DEFERRED"'
    return words


def _actions(constraint: Constraint) -> dict[str, str]:
    found = _ACTION.findall(constraint.definition)
    return {f"on{event.lower()}": render_string(action) for event, action in found}


def _foreign_key_words(constraint: Constraint, name: str, table: str, columns: str) -> str:
    assert constraint.referenced is not None
    return render_call(
        "op.create_foreign_key",
        [
            name,
            table,
            render_string(constraint.referenced.name),
            columns,
            render_list(render_string(column) for column in constraint.referenced_columns),
        ],
        source_schema=render_schema(constraint.key.schema),
        referent_schema=render_schema(constraint.referenced.schema),
        **_actions(constraint),
        **_deferral_words(constraint),
    )


def inline_words(constraint: Constraint) -> str | None:
    """The constraint as an argument of `op.create_table`; None where SQLAlchemy cannot say all of it."""
    if not _sayable(constraint):
        return None
    name = render_string(constraint.key.part)
    columns = [render_string(column) for column in constraint.columns]
    if constraint.type == "p":
        return render_call("sa.PrimaryKeyConstraint", columns, name=name, **_deferral_words(constraint))
    if constraint.type == "u":
        return render_call("sa.UniqueConstraint", columns, name=name, **_deferral_words(constraint))
    if constraint.type == "c":
        return render_call("sa.CheckConstraint", [render_string(escape_text(_condition(constraint)))], name=name)
    assert constraint.referenced is not None
    target = constraint.referenced
    schema = "" if target.schema == "public" else f"{target.schema}."
    if any("." in part for part in (target.schema, target.name, *constraint.referenced_columns)):
        return None  # SQLAlchemy splits the target's name at its dots
    targets = [render_string(f"{schema}{target.name}.{column}") for column in constraint.referenced_columns]
    return render_call(
        "sa.ForeignKeyConstraint",
        [render_list(columns), render_list(targets)],
        name=name,
        **_actions(constraint),
        **_deferral_words(constraint),
    )
