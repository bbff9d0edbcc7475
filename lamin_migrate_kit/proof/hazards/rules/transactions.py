"""What waits without end, holds locks for long, or leaves something behind."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lamin_migrate_kit.catalog.model import ObjectKey
from lamin_migrate_kit.proof.hazards.model import Fails, Family, Hit, Rule, Scans, Severity, Takes, Traced
from lamin_migrate_kit.proof.hazards.rules.asking import exclusive, scanned_exclusively
from lamin_migrate_kit.proof.locks.model import RevisionTrace
from lamin_migrate_kit.proof.locks.modes import LockMode


def _without_timeout(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        blocking = [on for on, mode in statement.strongest.items() if mode.conflicts_with(LockMode.ROW_EXCLUSIVE)]
        if blocking and statement.lock_timeout == "0" and not re.match(r"lock\b.*\bnowait\b", statement.words):
            yield Hit(statement, blocking[0], f"waits for {blocking[0]} without end")
            return  # once a revision: it is one setting


def _several_exclusive(trace: RevisionTrace) -> Iterator[Hit]:
    seen: set[int] = set()
    for statement in trace.statements:
        tables = sorted(exclusive(statement))
        if len(tables) > 1 and statement.transaction not in seen:
            seen.add(statement.transaction)
            what = f"holds ACCESS EXCLUSIVE on {', '.join(map(str, tables))} at a time"
            yield Hit(statement, tables[-1], what)


def _backfilled(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        for table, written in statement.written.items():
            if (written.updated or written.inserted) and statement.locks(table, LockMode.SHARE):
                rows = written.updated + written.inserted
                yield Hit(statement, table, f"writes rows of {table} ({rows} here) while everybody waits for it")


def _updated_whole(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        no_condition = re.search(r"\bupdate\b", statement.words) and " where " not in statement.words
        for table, written in statement.written.items():
            if no_condition and written.updated and not statement.locks(table, LockMode.SHARE):
                yield Hit(statement, table, f"updates every row of {table} in one statement")


def _validated_at_once(trace: RevisionTrace) -> Iterator[Hit]:
    for statement in trace.statements:
        if re.search(r"\bvalidate constraint\b", statement.words):
            for table, _ in statement.scanned:
                if statement.locks(table, LockMode.SHARE_ROW_EXCLUSIVE):
                    yield Hit(statement, table, f"reads all of {table} under the lock of an earlier statement")


def _settings_left(trace: RevisionTrace) -> Iterator[Hit]:
    for name in trace.settings_left:
        word = re.compile(rf"\b{re.escape(name.lower())}\b")
        where = next((one for one in trace.statements if word.search(one.words)), None)
        yield Hit(where, ObjectKey("setting", "", name), f"leaves the session with another {name}")


def _partly_committed(trace: RevisionTrace) -> Iterator[Hit]:
    effective = [s for s in trace.statements if s.before is not s.after or s.written]
    own = [s for s in effective if s.autocommit]
    if own and len({s.transaction for s in effective}) > 1:
        subject = next(iter(own[0].strongest), ObjectKey("revision", "", trace.revision))
        yield Hit(own[0], subject, "commits a part of the revision")


def _failed(trace: RevisionTrace, sqlstate: str, word: str, what: str) -> Iterator[Hit]:
    failure = trace.failure
    if failure and failure.sqlstate == sqlstate and re.search(word, failure.sql, re.IGNORECASE):
        yield Hit(None, ObjectKey("revision", "", trace.revision), what)


def _new_value_used(trace: RevisionTrace) -> Iterator[Hit]:
    return _failed(trace, "55P04", "", "uses a new enum value before it is committed")


def _concurrently_in_transaction(trace: RevisionTrace) -> Iterator[Hit]:
    return _failed(trace, "25001", r"\bconcurrently\b", "works CONCURRENTLY within a transaction")


def _pending_triggers(trace: RevisionTrace) -> Iterator[Hit]:
    return _failed(trace, "55006", "", "alters a table while deferred checks of its rows are open")


_IN_BLOCK = "with op.get_context().autocommit_block():\n    "
_CHECK = "ALTER TABLE core.note ADD CONSTRAINT positive CHECK (pages > 0) NOT VALID"
_VALIDATE = "ALTER TABLE core.note VALIDATE CONSTRAINT positive"

RULES = (
    Rule(
        "no-lock-timeout",
        Family.TRANSACTIONS,
        "A statement that blocks writes or reads runs without a `lock_timeout`. (`invoke deploy` sets one, and the trace "
        "does as well; so this is a revision that takes it away.)",
        "While it waits behind a long query, everybody else waits behind it.",
        "Leave the `lock_timeout` of the deployment, or set a shorter one with SET LOCAL. With plain Alembic, set one "
        "in env.py.",
        "SET LOCAL lock_timeout = 0;\nALTER TABLE core.note ADD COLUMN kind text;\n",
        "SET LOCAL lock_timeout = '2s';\nALTER TABLE core.note ADD COLUMN kind text;\n",
        _without_timeout,
        (Traced("`lock_timeout` is `0` in the statement", lambda t: any(s.lock_timeout == "0" for s in t.statements)),),
        squawk=("require-lock-timeout", "require-timeout-settings"),
    ),
    Rule(
        "several-exclusive-locks",
        Family.TRANSACTIONS,
        "A transaction holds ACCESS EXCLUSIVE on more than one table that existed before the revision.",
        "Code that uses the tables in another order runs into a deadlock, and the first table waits for the last one.",
        "A revision a table; several changes of one table in one statement.",
        "ALTER TABLE core.note ADD COLUMN kind text;\nALTER TABLE core.author ADD COLUMN kind text;\n",
        "ALTER TABLE core.note ADD COLUMN kind text, ADD COLUMN mood text;\n",
        _several_exclusive,
        (
            Takes("core.note", LockMode.ACCESS_EXCLUSIVE),
            Traced("both locks are held at a time", lambda t: any(len(exclusive(s)) > 1 for s in t.statements)),
        ),
        Severity.NOTE,
    ),
    Rule(
        "backfill-in-ddl-transaction",
        Family.TRANSACTIONS,
        "Rows of a table are written in the transaction that has altered it.",
        "Reads and writes wait until every row is written.",
        "Alter in one revision, fill in batches in an `autocommit_block` of another.",
        "ALTER TABLE core.note ADD COLUMN kind text;\nUPDATE core.note SET kind = 'note' WHERE id < 1000;\n",
        "UPDATE core.note SET pages = 0 WHERE pages IS NULL AND id < 1000;\n",
        _backfilled,
        (
            Takes("core.note", LockMode.ACCESS_EXCLUSIVE),
            Traced("rows are written under it", lambda t: any(True for _ in _backfilled(t))),
        ),
    ),
    Rule(
        "update-every-row",
        Family.TRANSACTIONS,
        "One UPDATE without a condition writes a whole table.",
        "Every row is locked until the end of the transaction, and the table grows to twice its size.",
        "Update in batches, in an `autocommit_block`.",
        "UPDATE core.note SET pages = 0;\n",
        "UPDATE core.note SET pages = 0 WHERE id BETWEEN 1 AND 2;\n",
        _updated_whole,
        (
            Traced(
                "all 3 rows are written",
                lambda t: any(w.updated == 3 for s in t.statements for w in s.written.values()),
            ),
        ),
    ),
    Rule(
        "validate-in-same-transaction",
        Family.TRANSACTIONS,
        "A constraint is validated in the transaction that has made it NOT VALID.",
        "The strong lock of the first statement is held while all rows are read: nothing is won.",
        "Validate in a transaction of its own.",
        f"{_CHECK};\n{_VALIDATE};\n",
        f'{_IN_BLOCK}op.execute("{_CHECK}")\n    op.execute("{_VALIDATE}")\n',
        _validated_at_once,
        (
            Scans("core.note"),
            Traced("it is read under `ACCESS EXCLUSIVE`", scanned_exclusively),
        ),
        squawk=("constraint-missing-not-valid",),
    ),
    Rule(
        "setting-left",
        Family.TRANSACTIONS,
        "A setting of the session is changed and not changed back.",
        "It stays for the revisions after it, and for whoever gets the connection from a pool.",
        "SET LOCAL, which ends with the transaction.",
        "SET statement_timeout = '1min';\n",
        "SET LOCAL statement_timeout = '1min';\n",
        _settings_left,
        (Traced("the setting is another one after the commit", lambda t: t.settings_left == ("statement_timeout",)),),
    ),
    Rule(
        "partly-committed",
        Family.TRANSACTIONS,
        "A revision commits a part of its changes before the others.",
        "When a later statement fails, the instance stays between two revisions, and running it again fails.",
        "What commits by itself stands alone in its revision, or can be run twice (IF NOT EXISTS).",
        'op.add_column("note", sa.Column("kind", sa.Text()), schema="core")\n'
        f'{_IN_BLOCK}op.create_index("ix_note_kind", "note", ["kind"], schema="core", postgresql_concurrently=True)\n',
        f'{_IN_BLOCK}op.create_index("ix_note_pages", "note", ["pages"], schema="core", postgresql_concurrently=True)\n',
        _partly_committed,
        (Traced("its statements are in two transactions", lambda t: len({s.transaction for s in t.statements}) == 2),),
        Severity.NOTE,
        squawk=("ban-concurrent-index-creation-in-transaction", "transaction-nesting"),
    ),
    Rule(
        "new-enum-value-used",
        Family.TRANSACTIONS,
        "A value is added to an enum type and used in the same transaction.",
        "The upgrade fails: the server allows it only after the commit.",
        "Add the value in one revision and use it in the next.",
        "ALTER TYPE core.status ADD VALUE 'gone';\nUPDATE core.note SET status = 'gone' WHERE id = 1;\n",
        "ALTER TYPE core.status ADD VALUE 'gone';\n",
        _new_value_used,
        (Fails("55P04"),),
        Severity.ERROR,
        also=(Family.FAILING,),
        squawk=("ban-uncommitted-enum-value-use",),
    ),
    Rule(
        "concurrently-in-transaction",
        Family.TRANSACTIONS,
        "Something works CONCURRENTLY outside of an `autocommit_block`.",
        "The upgrade fails: the server refuses it within a transaction.",
        "`with op.get_context().autocommit_block():` around it.",
        "CREATE INDEX CONCURRENTLY ix_note_pages ON core.note (pages);\n",
        f'{_IN_BLOCK}op.create_index("ix_note_pages", "note", ["pages"], schema="core", postgresql_concurrently=True)\n',
        _concurrently_in_transaction,
        (Fails("25001"),),
        Severity.ERROR,
        squawk=("ban-concurrent-index-creation-in-transaction",),
    ),
    Rule(
        "pending-trigger-events",
        Family.TRANSACTIONS,
        "Rows are written, and their table is altered before the deferred checks of these rows are done.",
        "The upgrade fails on every instance that has such rows, and on no empty one.",
        "SET CONSTRAINTS ALL IMMEDIATE before the table is altered.",
        "UPDATE core.page SET note_id = 2;\nALTER TABLE core.page ADD COLUMN kind text;\n",
        "UPDATE core.page SET note_id = 2;\nSET CONSTRAINTS ALL IMMEDIATE;\nALTER TABLE core.page ADD COLUMN kind text;\n",
        _pending_triggers,
        (Fails("55006"),),
        Severity.ERROR,
        given="CREATE TABLE core.page (id bigint PRIMARY KEY,"
        " note_id bigint REFERENCES core.note DEFERRABLE INITIALLY DEFERRED);\nINSERT INTO core.page VALUES (1, 1);\n",
        also=(Family.FAILING,),
    ),
)
