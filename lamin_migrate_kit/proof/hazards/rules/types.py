"""Column types, and names, that do something else than one thinks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lamin_migrate_kit.catalog.model import Column, Constraint, ObjectKey
from lamin_migrate_kit.proof.hazards.model import Answers, Family, Hit, Rule, Severity, Traced
from lamin_migrate_kit.proof.locks.model import RevisionTrace, TracedStatement


def _columns(trace: RevisionTrace) -> Iterator[tuple[TracedStatement, Column]]:
    """Columns that the revision made, or gave another type, and that are there after it."""
    for statement in trace.statements:
        changed = (after for before, after in statement.changed(Column) if before.type != after.type)
        for column in (*statement.created(Column), *changed):
            if column.local and column.key in trace.after.objects:
                yield statement, column


def _of_type(holds: Callable[[str], bool]) -> Callable[[RevisionTrace], Iterator[Hit]]:
    def find(trace: RevisionTrace) -> Iterator[Hit]:
        for statement, column in _columns(trace):
            if holds(column.type.removesuffix("[]")):
                yield Hit(statement, column.key, f"column {column.key} is {column.type}")

    return find


def _serial(trace: RevisionTrace) -> Iterator[Hit]:
    for statement, column in _columns(trace):
        if column.serial:
            yield Hit(statement, column.key, f"column {column.key} is serial")


def _small_keys(trace: RevisionTrace) -> Iterator[Hit]:
    keys = {c.key.table: c.columns for c in trace.after.of(Constraint) if c.type == "p"}
    for statement, column in _columns(trace):
        alone = keys.get(column.key.table) == (column.key.part,)
        if alone and column.type in ("integer", "smallint"):
            yield Hit(statement, column.key, f"primary key {column.key} is {column.type}")


def _cut_names(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for notice in statement.notices:
            if "will be truncated to" in notice:
                subject = ObjectKey("revision", "", trace.revision)
                yield Hit(statement, subject, notice.partition(":")[2].strip() or notice)


def _doc(column: str) -> str:
    return f"CREATE TABLE core.doc (id bigint PRIMARY KEY, {column});\n"


_LONG = "a_name_" + "that_is_longer_than_the_server_allows_" + "and_will_be_cut_at_its_end"

RULES = (
    Rule(
        "json-type",
        Family.TYPES,
        "A column is json.",
        "The server keeps the text and parses it for each question; there is no equality, so DISTINCT and UNION fail.",
        "jsonb.",
        _doc("body json"),
        _doc("body jsonb"),
        _of_type(lambda type: type == "json"),
        (Answers("SELECT DISTINCT body FROM core.doc", "42883"),),
        Severity.NOTE,
    ),
    Rule(
        "char-type",
        Family.TYPES,
        "A column is char(n).",
        "Values are filled up with blanks, which take space and do not count in comparisons.",
        "text, or varchar(n).",
        _doc("code char(5)"),
        _doc("code varchar(5)"),
        _of_type(lambda type: type.startswith("character(")),
        (Answers("INSERT INTO core.doc VALUES (1, 'a') RETURNING octet_length(code)", "5"),),
        Severity.NOTE,
        squawk=("ban-char-field",),
    ),
    Rule(
        "serial-type",
        Family.TYPES,
        "A column is serial.",
        "A value that somebody gives is not noticed by the sequence, which then makes it again.",
        "GENERATED ALWAYS AS IDENTITY (`sa.Identity(always=True)`).",
        "CREATE TABLE core.doc (id bigserial PRIMARY KEY);\n",
        "CREATE TABLE core.doc (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);\n",
        _serial,
        (Answers("INSERT INTO core.doc (id) VALUES (1); INSERT INTO core.doc DEFAULT VALUES", "23505"),),
        Severity.NOTE,
        squawk=("prefer-identity",),
    ),
    Rule(
        "timestamp-without-zone",
        Family.TYPES,
        "A column is timestamp without time zone.",
        "The offset of a time that is written is dropped: the same moment becomes several.",
        "timestamp with time zone (`sa.DateTime(timezone=True)`).",
        _doc("at timestamp"),
        _doc("at timestamptz"),
        _of_type(lambda type: type.startswith("timestamp") and "without" in type),
        (
            Answers(
                "SET timezone = 'UTC'; INSERT INTO core.doc VALUES (1, '2026-01-01 12:00+05')"
                " RETURNING at = '2026-01-01 12:00+05'::timestamptz",
                "False",
            ),
        ),
        Severity.NOTE,
        squawk=("prefer-timestamp-tz",),
    ),
    Rule(
        "money-type",
        Family.TYPES,
        "A column is money.",
        "It rounds to cents, and what it means depends on `lc_monetary` of the server.",
        "numeric, with the currency beside it.",
        _doc("price money"),
        _doc("price numeric"),
        _of_type(lambda type: type == "money"),
        (Answers("INSERT INTO core.doc VALUES (1, 1.259) RETURNING price::numeric", "1.26"),),
    ),
    Rule(
        "small-primary-key",
        Family.TYPES,
        "A primary key is integer or smallint.",
        "After 2,147,483,647 rows, deleted ones included, no row can be inserted, and a larger type rewrites the table.",
        "bigint (`sa.BigInteger`).",
        "CREATE TABLE core.doc (id integer PRIMARY KEY);\n",
        "CREATE TABLE core.doc (id bigint PRIMARY KEY);\n",
        _small_keys,
        (Answers("INSERT INTO core.doc VALUES (2147483648) RETURNING id", "22003"),),
        Severity.NOTE,
        squawk=("prefer-bigint-over-int", "prefer-bigint-over-smallint"),
    ),
    Rule(
        "identifier-too-long",
        Family.TYPES,
        "A name is longer than 63 bytes.",
        "The server cuts it: two long names may become one, and nothing is called as the revision says.",
        "A shorter name.",
        f"ALTER TABLE core.note ADD COLUMN {_LONG} text;\n",
        "ALTER TABLE core.note ADD COLUMN a_short_name text;\n",
        _cut_names,
        (
            Traced(
                "the server says that it cuts the name",
                lambda t: any("truncated" in notice for s in t.statements for notice in s.notices),
            ),
        ),
        squawk=("identifier-too-long",),
    ),
)
