"""Columns: their definitions, and what changes them in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from lamin_migrate_kit.catalog.model import Column, ObjectKey, SequenceOptions
from lamin_migrate_kit.catalog.quoting import qualified, quote_literal, quote_name, stored_object_name
from lamin_migrate_kit.diff.differ import Change
from lamin_migrate_kit.diff.expressions import replayable_expression
from lamin_migrate_kit.diff.naming import render_key
from lamin_migrate_kit.operations.model import Operation
from lamin_migrate_kit.operations.spelling.comments import comment_sql
from lamin_migrate_kit.operations.spelling.context import Context, not_null_name
from lamin_migrate_kit.operations.types import conversion, needed_imports, needs_using, type_words
from lamin_migrate_kit.operations.words import render_call, render_execute, render_schema, render_string, render_text

SERIAL_TYPES = {"integer": "SERIAL", "bigint": "BIGSERIAL", "smallint": "SMALLSERIAL"}


def alter_table(key: ObjectKey) -> str:
    """The head of an ALTER TABLE on the table that a part belongs to."""
    return f"ALTER TABLE {qualified(key)}"


def alter_column(key: ObjectKey) -> str:
    """The head of an ALTER TABLE … ALTER COLUMN."""
    return f"{alter_table(key)} ALTER COLUMN {quote_name(key.part)}"


def column_sql(column: Column, context: Context, *, serial: bool = False, not_null: bool = True) -> str:
    """A column as it stands in CREATE TABLE and ADD COLUMN."""
    parts = [quote_name(column.key.part), SERIAL_TYPES[column.type] if serial else column.type]
    if column.collation:
        parts.append(f"COLLATE {column.collation}")
    if column.generated:
        stored = "STORED" if column.generated == "s" else "VIRTUAL"
        parts.append(f"GENERATED ALWAYS AS {_parenthesized(column.default)} {stored}")
    elif column.default is not None and not serial:
        parts.append(f"DEFAULT {replayable_expression(column.default)}")
    if column.identity:
        parts.append(identity_sql(column))
    if column.not_null and not_null and column.not_null_valid:
        parts.append(_not_null_sql(column, context))
    return " ".join(parts)


def _not_null_sql(column: Column, context: Context) -> str:
    named = context.not_null_name(column)
    no_inherit = " NO INHERIT" if column.not_null_no_inherit else ""
    return (f"CONSTRAINT {quote_name(named)} " if named else "") + "NOT NULL" + no_inherit


def _parenthesized(expression: str | None) -> str:
    text = replayable_expression(expression or "")
    return text if text.startswith("(") and _closes_at_end(text) else f"({text})"


def _closes_at_end(text: str) -> bool:
    depth, quote = 0, ""
    for index, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "()":
            depth += 1 if character == "(" else -1
            if depth == 0 and index < len(text) - 1:
                return False
    return True


def identity_sql(column: Column) -> str:
    """GENERATED … AS IDENTITY with the options that are not the server's own."""
    mode = "ALWAYS" if column.identity == "a" else "BY DEFAULT"
    options = _identity_options(column)
    return f"GENERATED {mode} AS IDENTITY" + (f" ({' '.join(options)})" if options else "")


def _identity_options(column: Column) -> tuple[str, ...]:
    assert column.identity_options is not None
    name: tuple[str, ...] = ()
    if _named_sequence(column):
        name = (f"SEQUENCE NAME {quote_name(column.key.schema)}.{quote_name(column.identity_sequence or '')}",)
    return name + changed_options(column.identity_options, default_options(column.identity_options))


def _named_sequence(column: Column) -> bool:
    """Whether an identity's sequence has another name than the server would give it."""
    usual = stored_object_name(column.key.name, column.key.part, "seq")
    return column.identity_sequence is not None and column.identity_sequence != usual


def default_options(options: SequenceOptions) -> SequenceOptions:
    """What the server chooses for a sequence of this type and direction."""
    limit = {"smallint": 2**15, "integer": 2**31}.get(options.type, 2**63)
    if options.increment > 0:
        low, high = 1, limit - 1
    else:
        low, high = -limit, -1
    start = low if options.increment > 0 else high
    return SequenceOptions(options.type, start, 1, low, high, 1, False)


def changed_options(options: SequenceOptions, base: SequenceOptions) -> tuple[str, ...]:
    """The clauses that turn `base` into `options`."""
    clauses = (
        (options.increment != base.increment, f"INCREMENT BY {options.increment}"),
        (options.minimum != base.minimum, f"MINVALUE {options.minimum}"),
        (options.maximum != base.maximum, f"MAXVALUE {options.maximum}"),
        (options.start != base.start, f"START WITH {options.start}"),
        (options.cache != base.cache, f"CACHE {options.cache}"),
        (options.cycle != base.cycle, "CYCLE" if options.cycle else "NO CYCLE"),
    )
    return tuple(text for wanted, text in clauses if wanted)


def keep_within(sequence: str, current: SequenceOptions, desired: SequenceOptions) -> tuple[tuple[str, ...], str]:
    """What lets a sequence that has other limits from now on stand at a value within them.

    Args:
        sequence: The sequence's quoted name.
        current: Its options.
        desired: Those that it gets.

    Returns:
        Statements to run before, and a clause for the statement that sets the options.
    """
    low, high = max(current.minimum, desired.minimum), min(current.maximum, desired.maximum)
    if (low, high) == (current.minimum, current.maximum):
        return (), ""
    if low > high:
        return (), " RESTART"
    value = f"least(greatest(last_value, {low}), {high})"
    return (f"SELECT setval({quote_literal(sequence)}, {value}, is_called) FROM {sequence}",), ""


def column_words(
    column: Column, context: Context, *, serial: bool = False, in_primary_key: bool = False, not_null: bool = True
) -> tuple[str, frozenset[str]] | None:
    """`sa.Column(…)`; None where SQLAlchemy cannot say all of it."""
    found = context.column_type(column)
    unsayable = (
        column.collation
        or column.generated == "v"
        or column.storage
        or column.compression
        or column.statistics is not None
        or column.options
        or column.not_null_no_inherit
        or not column.not_null_valid
        or column.not_null_comment is not None
        or _named_sequence(column)
        or context.not_null_name(column) is not None
        or (serial and not in_primary_key)
    )
    if found is None or unsayable:
        return None
    type_, imports = found
    args = [render_string(column.key.part), type_]
    if column.generated:
        args.append(render_call("sa.Computed", [render_string(_bare(column.default or ""))], persisted="True"))
    if column.identity:
        args.append(_identity_words(column))
    return (
        render_call(
            "sa.Column",
            args,
            server_default=_default_words(column, serial),
            autoincrement=_autoincrement(column, serial, in_primary_key),
            nullable="True" if not (column.not_null and not_null) else "False",
            comment=None if column.comment is None else render_string(column.comment),
        ),
        imports,
    )


def _bare(expression: str) -> str:
    text = replayable_expression(expression)
    return text[1:-1] if text.startswith("(") and _closes_at_end(text) else text


def _default_words(column: Column, serial: bool) -> str | None:
    if column.default is None or column.generated or serial:
        return None
    return render_text(replayable_expression(column.default))


def _autoincrement(column: Column, serial: bool, in_primary_key: bool) -> str | None:
    # SQLAlchemy makes SERIAL of an integer primary key by itself; what is none has to say so.
    if not in_primary_key or column.type not in SERIAL_TYPES or column.identity or column.generated:
        return None
    if serial:
        return "True"
    return "False" if column.default is None else None


def _identity_words(column: Column) -> str:
    options = column.identity_options
    assert options is not None
    base = default_options(options)
    wanted = {
        "start": (options.start, base.start),
        "increment": (options.increment, base.increment),
        "minvalue": (options.minimum, base.minimum),
        "maxvalue": (options.maximum, base.maximum),
        "cycle": (options.cycle, base.cycle),
        "cache": (options.cache, base.cache),
    }
    arguments = {name: repr(value) for name, (value, default) in wanted.items() if value != default}
    return render_call("sa.Identity", [], always=repr(column.identity == "a"), **arguments)


def extra_statements(column: Column, context: Context) -> tuple[str, ...]:
    """What ADD COLUMN and CREATE TABLE cannot say."""
    head = alter_column(column.key)
    statements = []
    if column.not_null and not column.not_null_valid:
        statements.append(f"{alter_table(column.key)} ADD {_table_not_null(column, context)}")
    if column.not_null_comment is not None:
        statements.append(_not_null_comment(column))
    if column.storage:
        statements.append(f"{head} SET STORAGE {column.storage}")
    if column.compression:
        statements.append(f"{head} SET COMPRESSION {column.compression}")
    if column.statistics is not None:
        statements.append(f"{head} SET STATISTICS {column.statistics}")
    if column.options:
        statements.append(f"{head} SET ({', '.join(column.options)})")
    if column.comment is not None:
        statements.append(comment_sql(column.key, column.comment))
    return tuple(statements)


def create_column(column: Column, context: Context, *, serial: bool, backfill: str | None) -> Operation:
    """ADD COLUMN; with a backfill it comes nullable, is filled, and then loses its NULLs."""
    filled = backfill is not None
    statements = [
        f"{alter_table(column.key)} ADD COLUMN {column_sql(column, context, serial=serial, not_null=not filled)}"
    ]
    found = column_words(column, context, serial=serial, not_null=not filled)
    name, schema = render_string(column.key.name), render_schema(column.key.schema)
    words = [render_call("op.add_column", [name, found[0]], schema=schema)] if found else []
    if filled:
        update = f"UPDATE {qualified(column.key)} SET {quote_name(column.key.part)} = {backfill}"
        statements += [update, f"{alter_column(column.key)} SET NOT NULL"]
        if found:
            part = render_string(column.key.part)
            words += [
                render_execute(update),
                render_call("op.alter_column", [name, part], nullable="False", schema=schema),
            ]
    return Operation(
        "create",
        column.key,
        (*statements, *extra_statements(column, context)),
        words=tuple(words),
        imports=found[1] if found else frozenset(),
        comments=(f"migrate-kit: backfill {render_key(column.key)}={backfill}",) if filled else (),
    )


def _not_null_comment(column: Column) -> str:
    text = "NULL" if column.not_null_comment is None else quote_literal(column.not_null_comment)
    return f"COMMENT ON CONSTRAINT {quote_name(not_null_name(column))} ON {qualified(column.key)} IS {text}"


def drop_column(column: Column, reason: str | None = None) -> Operation:
    """DROP COLUMN."""
    words = render_call(
        "op.drop_column",
        [render_string(column.key.name), render_string(column.key.part)],
        schema=render_schema(column.key.schema),
    )
    return Operation(
        "drop",
        column.key,
        (f"{alter_table(column.key)} DROP COLUMN {quote_name(column.key.part)}",),
        words=(words,),
        comments=(reason,) if reason else (),
        loses=None if column.generated else f"the values of {column.key}",
    )


def set_default(column: Column) -> Operation:
    """SET DEFAULT."""
    assert column.default is not None
    default = replayable_expression(column.default)
    words = render_call(
        "op.alter_column",
        [render_string(column.key.name), render_string(column.key.part)],
        server_default=render_text(default),
        schema=render_schema(column.key.schema),
    )
    key = column.key._replace(kind="default")
    return Operation("create", key, (f"{alter_column(column.key)} SET DEFAULT {default}",), words=(words,))


def drop_default(column: Column) -> Operation:
    """DROP DEFAULT."""
    words = render_call(
        "op.alter_column",
        [render_string(column.key.name), render_string(column.key.part)],
        server_default="None",
        schema=render_schema(column.key.schema),
    )
    key = column.key._replace(kind="default")
    return Operation("drop", key, (f"{alter_column(column.key)} DROP DEFAULT",), words=(words,))


def alter_column_operation(
    change: Change, context: Context, *, using: str | None, backfill: str | None, aside: bool = False
) -> Operation | None:
    """Everything about a column that is altered in place, but its default.

    Args:
        change: Of the column.
        context: Both sides.
        using: How its values are converted.
        backfill: The value for rows that have none.
        aside: Whether its names have stepped aside, see `move_names_aside`.
    """
    current, desired = change.current, change.desired
    assert isinstance(current, Column)
    assert isinstance(desired, Column)
    pieces = [
        _drop_identity(current, desired),
        _drop_expression(current, desired),
        _alter_type(current, desired, context, using),
        _nullability(current, desired, backfill, context),
        _set_expression(current, desired),
        _identity(current, desired),
        _physical(current, desired, context),
        _names(current, desired, change.fields, aside=aside),
        _comment(current, desired),
    ]
    statements = tuple(statement for piece in pieces for statement in piece.statements)
    if not statements:
        return None
    words = tuple(line for piece in pieces for line in piece.words)
    imports = frozenset(line for piece in pieces for line in piece.imports)
    decided = (
        [f"migrate-kit: using {render_key(desired.key)}={using}"] if str(desired.key) in context.answers.usings else []
    )
    if backfill is not None:
        decided.append(f"migrate-kit: backfill {render_key(desired.key)}={backfill}")
    return Operation("alter", desired.key, statements, words, imports, tuple(decided))


def _piece(
    column: Column, *statements: str, words: tuple[str, ...] = (), imports: frozenset[str] = frozenset()
) -> Operation:
    lines = words or tuple(render_execute(statement) for statement in statements)
    return Operation("alter", column.key, statements, lines, imports)


def _alter_words(column: Column, **arguments: str | None) -> str:
    names = [render_string(column.key.name), render_string(column.key.part)]
    return render_call("op.alter_column", names, **arguments, schema=render_schema(column.key.schema))


def _drop_identity(current: Column, desired: Column) -> Operation:
    if current.identity and not desired.identity:
        return _piece(desired, f"{alter_column(desired.key)} DROP IDENTITY")
    return _piece(desired)


def _drop_expression(current: Column, desired: Column) -> Operation:
    if current.generated and not desired.generated:
        return _piece(desired, f"{alter_column(desired.key)} DROP EXPRESSION")
    return _piece(desired)


def _alter_type(current: Column, desired: Column, context: Context, using: str | None) -> Operation:
    if current.type == desired.type and current.collation == desired.collation and using is None:
        return _piece(desired)
    if using is None and needs_using(current.type, desired.type):
        using = conversion(quote_name(desired.key.part), current.type, desired.type)
    collate = f" COLLATE {desired.collation}" if desired.collation else ""
    clause = f" USING {using}" if using else ""
    statement = f"{alter_column(desired.key)} TYPE {desired.type}{collate}{clause}"
    found = None if desired.collation or current.collation else context.column_type(desired)
    if found is None:
        return _piece(desired, statement)
    existing = type_words(current.type, context.current)
    words = _alter_words(
        desired,
        existing_type=existing,
        type_=found[0],
        postgresql_using=render_string(using) if using else None,
    )
    imports = found[1] | (needed_imports(existing) if existing else frozenset())
    return _piece(desired, statement, words=(words,), imports=imports)


def _nullability(current: Column, desired: Column, backfill: str | None, context: Context) -> Operation:
    head = alter_column(desired.key)
    if current.not_null and desired.not_null:
        return _other_not_null(current, desired, context)
    if not (current.not_null or desired.not_null):
        return _piece(desired)
    if not desired.not_null:
        return _piece(desired, f"{head} DROP NOT NULL", words=(_alter_words(desired, nullable="True"),))
    name = quote_name(desired.key.part)
    update = f"UPDATE {qualified(desired.key)} SET {name} = {backfill} WHERE {name} IS NULL"
    filling = (update,) if backfill is not None else ()
    if desired.not_null_no_inherit or not desired.not_null_valid or context.not_null_name(desired):
        return _piece(desired, *filling, f"{alter_table(desired.key)} ADD {_table_not_null(desired, context)}")
    words = (*(render_execute(statement) for statement in filling), _alter_words(desired, nullable="False"))
    return _piece(desired, *filling, f"{head} SET NOT NULL", words=words)


def _other_not_null(current: Column, desired: Column, context: Context) -> Operation:
    """Another kind of NOT NULL in place of one that is there."""
    table, head = alter_table(desired.key), alter_column(desired.key)
    if _is_required_anew(current, desired):
        return _piece(desired, f"{head} DROP NOT NULL", f"{table} ADD {_table_not_null(desired, context)}")
    if desired.not_null_valid and not current.not_null_valid:
        return _piece(desired, f"{table} VALIDATE CONSTRAINT {quote_name(not_null_name(current))}")
    return _piece(desired)


def _is_required_anew(current: Column, desired: Column) -> bool:
    """Whether a NOT NULL has to go and come back as another kind of it."""
    becomes_invalid = current.not_null_valid and not desired.not_null_valid
    differs = current.not_null_no_inherit != desired.not_null_no_inherit or becomes_invalid
    return current.not_null and desired.not_null and differs


def _table_not_null(column: Column, context: Context) -> str:
    name = context.not_null_name(column)
    options = (" NO INHERIT" if column.not_null_no_inherit else "") + ("" if column.not_null_valid else " NOT VALID")
    return (f"CONSTRAINT {quote_name(name)} " if name else "") + f"NOT NULL {quote_name(column.key.part)}{options}"


def _set_expression(current: Column, desired: Column) -> Operation:
    if current.generated and desired.generated and current.default != desired.default:
        return _piece(desired, f"{alter_column(desired.key)} SET EXPRESSION AS {_parenthesized(desired.default)}")
    return _piece(desired)


def _identity(current: Column, desired: Column) -> Operation:
    head = alter_column(desired.key)
    if not desired.identity:
        return _piece(desired)
    if not current.identity:
        return _piece(desired, f"{head} ADD {identity_sql(desired)}", _continue_sequence(desired))
    changes = []
    if current.identity != desired.identity:
        changes.append(f"SET GENERATED {'ALWAYS' if desired.identity == 'a' else 'BY DEFAULT'}")
    before: tuple[str, ...] = ()
    if current.identity_options and desired.identity_options and current.identity_sequence:
        sequence = f"{quote_name(current.key.schema)}.{quote_name(current.identity_sequence)}"
        before, restart = keep_within(sequence, current.identity_options, desired.identity_options)
        changes += [f"SET {clause}" for clause in changed_options(desired.identity_options, current.identity_options)]
        changes += [restart.strip()] if restart else []
    return _piece(desired, *before, f"{head} {' '.join(changes)}") if changes else _piece(desired)


def _continue_sequence(column: Column) -> str:
    """Let a new sequence go on behind the values that are there."""
    assert column.identity_options is not None
    return setval_sql(column.key, column.identity_sequence or "", column.identity_options)


def setval_sql(column: ObjectKey, sequence: str, options: SequenceOptions) -> str:
    """Set a sequence to go on behind the values that a column has, if they reach its start."""
    name = quote_literal(f"{quote_name(column.schema)}.{quote_name(sequence)}")
    function, reaches = ("max", ">=") if options.increment > 0 else ("min", "<=")
    last = f"{function}({quote_name(column.part)})"
    return f"SELECT setval({name}, {last}) FROM {qualified(column)} HAVING {last} {reaches} {options.start}"


def _physical(current: Column, desired: Column, context: Context) -> Operation:
    head = alter_column(desired.key)
    statements = []
    if current.storage != desired.storage:
        own = "DEFAULT" if context.version >= 160000 else desired.type_storage
        statements.append(f"{head} SET STORAGE {desired.storage or own}")
    if current.compression != desired.compression:
        statements.append(f"{head} SET COMPRESSION {desired.compression or 'default'}")
    if current.statistics != desired.statistics:
        statements.append(f"{head} SET STATISTICS {-1 if desired.statistics is None else desired.statistics}")
    removed = sorted({o.split("=")[0] for o in current.options} - {o.split("=")[0] for o in desired.options})
    if removed:
        statements.append(f"{head} RESET ({', '.join(removed)})")
    if set(desired.options) - set(current.options):
        statements.append(f"{head} SET ({', '.join(desired.options)})")
    return _piece(desired, *statements)


def _comment(current: Column, desired: Column) -> Operation:
    if current.comment == desired.comment:
        return _piece(desired, *_comment_on_not_null(current, desired))
    comment = "None" if desired.comment is None else render_string(desired.comment)
    existing = None if current.comment is None else render_string(current.comment)
    words = _alter_words(desired, comment=comment, existing_comment=existing)
    on_constraint = _comment_on_not_null(current, desired)
    lines = (words, *map(render_execute, on_constraint))
    return _piece(desired, comment_sql(desired.key, desired.comment), *on_constraint, words=lines)


def _comment_on_not_null(current: Column, desired: Column) -> tuple[str, ...]:
    before = current.not_null_comment if current.not_null else None
    return (_not_null_comment(desired),) if desired.not_null and before != desired.not_null_comment else ()


def _names(current: Column, desired: Column, fields: frozenset[str], *, aside: bool) -> Operation:
    statements = (
        rename(desired, _aside(old) if aside else old, new)
        for rename, old, new in _name_changes(current, desired, fields)
        if rename is not _rename_not_null or not _is_required_anew(current, desired)
    )
    return _piece(desired, *statements)


def takes_another_name(change: Change) -> bool:
    """Whether a column stays, and its not-null constraint or the sequence of its identity gets another name."""
    current, desired = change.current, change.desired
    if not isinstance(current, Column) or not isinstance(desired, Column):
        return False
    return any(_name_changes(current, desired, change.fields))


def move_names_aside(change: Change) -> Operation:
    """Give up the names that the server chose, for others to take; what the column is called by is altered later."""
    current, desired = change.current, change.desired
    assert isinstance(current, Column)
    assert isinstance(desired, Column)
    changes = _name_changes(current, desired, change.fields)
    statements = (rename(desired, old, _aside(old)) for rename, old, _ in changes)
    return replace(_piece(desired, *statements), comments=("another one takes the name",))


_NameChange = tuple[Callable[[Column, str, str], str], str, str]


def _name_changes(current: Column, desired: Column, fields: frozenset[str]) -> Iterator[_NameChange]:
    """Names that the server chose, which are facts only between two databases: what spells it, from what, to what."""
    if "not_null_name" in fields:
        yield _rename_not_null, not_null_name(current), not_null_name(desired)
    if "identity_sequence" in fields and current.identity_sequence and desired.identity_sequence:
        yield _rename_sequence, current.identity_sequence, desired.identity_sequence


def _aside(name: str) -> str:
    return stored_object_name(name, "", "_renaming")


def _rename_not_null(column: Column, old: str, new: str) -> str:
    return f"{alter_table(column.key)} RENAME CONSTRAINT {quote_name(old)} TO {quote_name(new)}"


def _rename_sequence(column: Column, old: str, new: str) -> str:
    return f"ALTER SEQUENCE {quote_name(column.key.schema)}.{quote_name(old)} RENAME TO {quote_name(new)}"
