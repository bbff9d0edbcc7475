"""The rows of all tables at several moments, kept and compared by the server.

They are kept as texts in temporary tables of the connection, which no catalog shows and no revision sees: what is
asked of them then holds, whatever a revision has done to the tables that they came from. Each moment has one, so that
it can be emptied as a whole: rows that were only deleted would be read again for every question of a long history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lamin_migrate_kit.catalog.quoting import quote_literal, quote_name
from lamin_migrate_kit.proof.rows.relations import Attribute, Relation, Relations

if TYPE_CHECKING:
    from lamin_migrate_kit.proof.rows.asking import Asking

MOMENTS = 3
"""How many moments can be told apart, from 0."""

_TABLE = "pg_temp.lamin_migrate_rows_{}"
_CREATE = """
CREATE TEMPORARY TABLE IF NOT EXISTS lamin_migrate_rows_{0} ("table" int8, "values" text[]);
CREATE INDEX IF NOT EXISTS lamin_migrate_rows_{0}_table ON pg_temp.lamin_migrate_rows_{0} ("table")
"""


@dataclass(frozen=True, slots=True)
class Side:
    """Columns of a table at a moment.

    Attributes:
        moment: Which moment.
        relation: The table as it was then.
        columns: The columns, in the order in which they are compared.
        labels: What values of enum types are called on the other side, where they were renamed.
    """

    moment: int
    relation: Relation
    columns: tuple[Attribute, ...]
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def value(self, attribute: Attribute, alias: str = "s") -> str:
        """The expression for a column's value, a text."""
        value = f'{alias}."values"[{self.relation.attributes.index(attribute) + 1}]'
        labels = self.labels.get(attribute.type_name)
        if not labels:
            return value
        if attribute.type.endswith("[]"):
            items = f"string_to_array(trim({value}, '{{}}'), ',')"
            cases = _cases("i", labels)
            return f"('{{' || (SELECT string_agg({cases}, ',') FROM unnest({items}) AS i) || '}}')"
        return f"({_cases(value, labels)})"

    @property
    def row(self) -> str:
        """The expression for all columns at once."""
        return f"ARRAY[{', '.join(map(self.value, self.columns))}]::text[]"

    @property
    def rows(self) -> str:
        """What stands behind FROM."""
        return f'(SELECT * FROM {_TABLE.format(self.moment)} WHERE "table" = {self.relation.oid}) AS s'


class SavedRows:
    """What was saved over one connection.

    Args:
        asking: Where.
    """

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def save(self, moment: int, relations: Relations) -> dict[int, int]:
        """Keep the rows of all tables as they are now; what was saved of this moment and later is forgotten.

        Returns:
            How many rows each table has, by its oid.
        """
        self._asking.spell_values_plainly()
        kept = [relation for relation in relations.values() if not relation.partition]
        create = [_CREATE.format(one) for one in range(MOMENTS)]
        empty = f"TRUNCATE {', '.join(_TABLE.format(one) for one in range(moment, MOMENTS))}"
        statements = [*create, empty, *(_copy(moment, one) for one in kept)]
        counting = f'SELECT "table", count(*) FROM {_TABLE.format(moment)} GROUP BY 1'
        counts: dict[int, int] = dict(self._asking.ask(";\n".join([*statements, counting])))
        return {relation.oid: counts.get(relation.oid, 0) for relation in kept}

    def values(self, moment: int) -> dict[tuple[int, int], int]:
        """How many values each column holds at a moment, by the table's oid and the column's place."""
        rows = self._asking.ask(
            f'SELECT "table", place, count(value) FROM {_TABLE.format(moment)},'
            f' unnest("values") WITH ORDINALITY AS u (value, place) GROUP BY 1, 2'
        )
        return {(table, place - 1): count for table, place, count in rows}

    def same_rows(self, pairs: Sequence[tuple[Side, Side]]) -> list[bool]:
        """Of each pair, whether both sides have the very same rows, in whatever order."""
        if not pairs:
            return []
        questions = (
            f"SELECT {number}, {_checksum(before)} = {_checksum(after)}" for number, (before, after) in enumerate(pairs)
        )
        answers: dict[int, bool] = dict(self._asking.ask("\nUNION ALL ".join(questions)))
        return [answers[number] for number in range(len(pairs))]

    def tells_apart(self, before: Side, after: Side) -> int:
        """How many rows of both sides are told to be the same by these columns; 0 when two rows have equal ones."""
        ((one, other, both),) = self._asking.ask(
            f"WITH b AS (SELECT {before.row} AS k FROM {before.rows}), a AS (SELECT {after.row} AS k FROM {after.rows})"
            " SELECT (SELECT count(*) = count(DISTINCT k) FROM b), (SELECT count(*) = count(DISTINCT k) FROM a),"
            " (SELECT count(*) FROM b JOIN a USING (k))"
        )
        return both if one and other else 0

    def changed(
        self,
        key: tuple[Side, Side],
        before: tuple[Side, Attribute],
        after: tuple[Side, Attribute],
        *,
        but: Sequence[str] = (),
    ) -> tuple[int, int]:
        """Of the rows that a key tells to be the same: how many values became others, and how many are gone.

        Values of an enum type that `but` names are left out.
        """
        old, new = before[0].value(before[1], "b"), after[0].value(after[1], "a")
        rows = f"FROM {_joined(*key)} WHERE {old} IS NOT NULL{_and_none_of(but, before, 'b')}"
        ((others, gone),) = self._asking.ask(
            f"SELECT count(*) FILTER (WHERE NOT {_same_text(before[1], after[1], old, new)}),"
            f" count(*) FILTER (WHERE {new} IS NULL) {rows}"
        )
        if others and before[1].type != after[1].type:
            found = self._asking.attempt(
                f"SELECT count(*) FILTER (WHERE NOT {_same_meaning(before[1], after[1], old, new)}) {rows}"
            )
            others = found[0][0] if found else others
        return others, gone

    def missing(
        self, before: tuple[Side, Attribute], after: tuple[Side, Attribute] | None, *, but: Sequence[str] = ()
    ) -> int:
        """How many values of a column another one does not hold, rows apart; all of them without another one."""
        values = _values(*before) + _and_none_of(but, before, "s")
        other = f"EXCEPT ALL {_values(*after)}" if after else ""
        ((count,),) = self._asking.ask(f"SELECT count(*) FROM ({values} {other}) AS m")
        return int(count)

    def holds(self, before: tuple[Side, Attribute], after: tuple[Side, Attribute]) -> bool:
        """Whether every value of a column stands in another one, however often; never when there is no value."""
        old, new = _values(*before), _values(*after)
        ((count, missing),) = self._asking.ask(
            f"SELECT (SELECT count(*) FROM ({old}) AS o), (SELECT count(*) FROM ({old} EXCEPT {new}) AS m)"
        )
        return bool(count) and not missing

    def pairs_missing(
        self,
        old: tuple[Side, Attribute],
        keys: Sequence[Attribute],
        new: tuple[Side, Attribute],
        far: Sequence[Attribute],
    ) -> int:
        """How many values of a column do not stand beside the same key in another table."""
        pairs = (
            f"SELECT ARRAY[{', '.join(map(side.value, (*beside, value)))}] FROM {side.rows}"
            f" WHERE {side.value(value)} IS NOT NULL"
            for (side, value), beside in ((old, keys), (new, far))
        )
        ((count,),) = self._asking.ask(f"SELECT count(*) FROM ({' EXCEPT '.join(pairs)}) AS m")
        return int(count)

    def rows_missing(self, before: Side, after: Sequence[Side]) -> int:
        """How many rows of one side none of the others has."""
        others = " UNION ALL ".join(f"SELECT {side.row} FROM {side.rows}" for side in after)
        but = f"EXCEPT ALL ({others})" if others else ""
        ((count,),) = self._asking.ask(f"SELECT count(*) FROM (SELECT {before.row} FROM {before.rows} {but}) AS m")
        return int(count)


def _cases(value: str, labels: Mapping[str, str]) -> str:
    whens = " ".join(f"WHEN {quote_literal(old)} THEN {quote_literal(new)}" for old, new in sorted(labels.items()))
    return f"CASE {value} {whens} ELSE {value} END"


def _copy(moment: int, relation: Relation) -> str:
    columns = ", ".join(f"{quote_name(one.name)}::text" for one in relation.attributes)
    into = _TABLE.format(moment)
    return f"INSERT INTO {into} SELECT {relation.oid}, ARRAY[{columns}]::text[] FROM {relation.source}"


def _checksum(side: Side) -> str:
    """The number of rows and the sum of their hashes: the same for the same rows in any order."""
    return f"(SELECT (count(*), sum(hashtextextended({side.row}::text, 0))) FROM {side.rows})"


def _values(side: Side, attribute: Attribute) -> str:
    value = side.value(attribute)
    return f"SELECT {value} FROM {side.rows} WHERE {value} IS NOT NULL"


def _and_none_of(labels: Sequence[str], before: tuple[Side, Attribute], alias: str) -> str:
    """A condition that leaves out some values of an enum type, and arrays that hold one of them."""
    side, attribute = before
    if not labels:
        return ""
    value = replace(side, labels={}).value(attribute, alias)
    items = f"string_to_array(trim({value}, '{{}}'), ',')" if attribute.type.endswith("[]") else f"ARRAY[{value}]"
    return f" AND NOT {items} && ARRAY[{', '.join(map(quote_literal, labels))}]::text[]"


def _joined(before: Side, after: Side) -> str:
    return (
        f"(SELECT {before.row} AS k, s.* FROM {before.rows}) AS b"
        f" JOIN (SELECT {after.row} AS k, s.* FROM {after.rows}) AS a ON a.k = b.k"
    )


def _same_text(before: Attribute, after: Attribute, old: str, new: str) -> str:
    """What counts as equal without asking the types; a value that is gone is counted on its own."""
    if "character(" in (before.type + after.type):
        old, new = f"rtrim({old})", f"rtrim({new})"
    return f"({new} IS NULL OR {old} = {new})"


def _same_meaning(before: Attribute, after: Attribute, old: str, new: str) -> str:
    """Whether the new value, taken back to the former type, is the former value: then nothing of it is lost."""
    if {before.type, after.type} == {"json", "jsonb"}:
        return f"({new} IS NULL OR {old}::jsonb = {new}::jsonb)"
    back = f"(({new})::{after.type})::{before.type}::text"
    return f"({_same_text(before, after, old, new)} OR {back} = {old})"
