"""What a change needs besides DDL: taken from the answers, or asked. Pure."""

from __future__ import annotations

from lamin_migrate_kit.catalog.model import CatalogObject, Column, Constraint, EnumType, ObjectKey
from lamin_migrate_kit.catalog.quoting import quote_name
from lamin_migrate_kit.diff.renames import render_names
from lamin_migrate_kit.operations.model import Question
from lamin_migrate_kit.operations.spelling.context import Context
from lamin_migrate_kit.operations.types import accepts_any_value, conversion, keeps_values, neutral_value


class Decider:
    """Looks up answers and collects the questions that are still open."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.questions: list[Question] = []

    def value_for_new(self, column: Column, *, serial: bool) -> str | None:
        """The expression that rows get in a new, required column; None where they need none."""
        filled = column.default is not None or column.identity or column.generated or serial
        if not column.not_null or filled or self.context.is_new(column.key.table):
            return None
        if self.context.answers.neutral_backfills:
            return neutral_value(column.type, self.context.desired)
        return self._value(column, f"{column.key} is new and required, and {column.key.table} may have rows")

    def value_for_required(self, column: Column) -> str | None:
        """The expression that rows without a value get in a column that becomes required."""
        answers = self.context.answers
        if column.generated or answers.neutral_backfills or column.key.part in self._primary_key(column.key.table):
            return None
        if column.default is not None and str(column.key) not in answers.backfills:
            return None if answers.assume_empty else column.default
        return self._value(column, f"{column.key} becomes required, and rows may have no value there")

    def _value(self, column: Column, why: str) -> str | None:
        name = str(column.key)
        if name in self.context.answers.backfills:
            return self.context.answers.backfills[name]
        if self.context.answers.assume_empty:
            return None
        guess = column.default or self._neutral_value(column) or "<SQL expression>"
        text = f"{why}: which value do those rows get?"
        self.questions.append(Question("backfill", name, text, (_flag("backfill", column.key, guess),)))
        return None

    def _neutral_value(self, column: Column) -> str | None:
        catalog = self.context.desired
        return neutral_value(column.type, catalog) if accepts_any_value(column.type, catalog) else None

    def _primary_key(self, table: ObjectKey) -> tuple[str, ...]:
        """The columns of a table's current primary key: they have values."""
        for constraint in self.context.current.of(Constraint):
            if constraint.type == "p" and constraint.key.table == table:
                return constraint.columns
        return ()

    def conversion(self, current: Column, desired: Column) -> str | None:
        """The expression that converts a column's values; None where the server knows one that loses nothing."""
        name, answers = str(desired.key), self.context.answers
        if desired.generated:
            return None  # its values follow from its expression
        if name in answers.usings:
            return answers.usings[name]
        kept = keeps_values(current.type, desired.type) or answers.assume_empty or answers.neutral_backfills
        if kept or current.type == desired.type:
            return None
        guess = conversion(quote_name(desired.key.part), current.type, desired.type)
        text = f"{name} changes from {current.type} to {desired.type}: how is each value converted?"
        self.questions.append(Question("using", name, text, (_flag("using", desired.key, guess),)))
        return None

    def enum_map(self, current: EnumType, desired: CatalogObject) -> dict[str, str]:
        """The values that take the place of those that an enum type loses."""
        assert isinstance(desired, EnumType)
        mapping = {}
        for value in (value for value in current.values if value not in desired.values):
            name = f"{current.key}.{value}"
            if name in self.context.answers.enum_maps:
                mapping[value] = self.context.answers.enum_maps[name]
            elif not (self.context.answers.assume_empty or self.context.answers.neutral_backfills):
                guess = desired.values[0] if desired.values else "<value>"
                text = f"{name} is no longer a value of {current.key}: which value do rows get that have it?"
                flag = _flag("enum-map", current.key._replace(part=value), guess)
                self.questions.append(Question("enum-map", name, text, (flag,)))
        return mapping


def _flag(name: str, key: ObjectKey, value: str) -> str:
    """A flag as it can be typed: the name in the grammar of names, all of it quoted for a shell."""
    names = render_names(tuple(part for part in (key.schema, key.name, key.part) if part))
    return f"--{name} {_shell(f'{names}={value}')}"


def _shell(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
