"""Privileges: what a role may do is set as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby

from lamin_migrate_kit.catalog.model import ObjectKey, Privilege
from lamin_migrate_kit.catalog.quoting import qualified
from lamin_migrate_kit.diff.differ import Change
from lamin_migrate_kit.operations.model import Operation
from lamin_migrate_kit.operations.words import render_execute

_OPTION = " WITH GRANT OPTION"
_USUAL = {"FUNCTION": "EXECUTE", "PROCEDURE": "EXECUTE", "TYPE": "USAGE"}
_TYPES = ("enum", "domain", "range", "composite")


def grant(value: Privilege) -> Operation:
    """GRANT, and REVOKE of what everybody usually may."""
    before = (_usual(value),) if value.grantee == "PUBLIC" and _usual(value) else ()
    return Operation("create", value.key, _set(value, before, value.privileges))


def regrant(created: Operation, granted: Iterable[Privilege]) -> Operation:
    """An object that is made anew, with what was granted on it before."""
    again = tuple(statement for value in granted for statement in grant(replace(value, on=created.key)).statements)
    words = (*created.words, *map(render_execute, again)) if created.words else ()
    return replace(created, statements=(*created.statements, *again), words=words)


def revoke(value: Privilege) -> Operation:
    """REVOKE, and GRANT of what everybody usually may."""
    usual = (_usual(value),) if value.grantee == "PUBLIC" and _usual(value) else ()
    return Operation("drop", value.key, _set(value, value.privileges, usual))


def change(changed: Change) -> Operation:
    """From some privileges to others."""
    current, desired = changed.current, changed.desired
    assert isinstance(current, Privilege)
    assert isinstance(desired, Privilege)
    return Operation("alter", desired.key, _set(desired, current.privileges, desired.privileges))


def _set(value: Privilege, before: tuple[str, ...], after: tuple[str, ...]) -> tuple[str, ...]:
    """Revoke what goes (a grant option with its privilege, which comes back), then grant what comes."""
    gone = sorted({name.removesuffix(_OPTION) for name in before if name not in after})
    kept = {name for name in before if name in after}
    come = sorted((name for name in after if name not in kept), key=lambda name: (name.endswith(_OPTION), name))
    statements = []
    if gone:
        statements.append(f"REVOKE {', '.join(gone)} ON {_target(value.on)} FROM {value.grantee}")
    for grantable, names in groupby(come, key=lambda name: name.endswith(_OPTION)):
        listed = ", ".join(name.removesuffix(_OPTION) for name in names)
        statements.append(f"GRANT {listed} ON {_target(value.on)} TO {value.grantee}{_OPTION if grantable else ''}")
    return tuple(statements)


def _usual(value: Privilege) -> str:
    return _USUAL.get(_word(value.on), "")


def _target(key: ObjectKey) -> str:
    arguments = f"({key.part})" if _word(key) in ("FUNCTION", "PROCEDURE") else ""
    return f"{_word(key)} {qualified(key)}{arguments}"


def _word(key: ObjectKey) -> str:
    if key.kind in _TYPES:
        return "TYPE"
    if key.kind in ("function", "aggregate"):
        return "FUNCTION"
    return {"schema": "SCHEMA", "sequence": "SEQUENCE", "procedure": "PROCEDURE"}.get(key.kind, "TABLE")
