"""What only revisions make, carried over into the desired side by a server, and what there is to ask about it."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from lamin_migrate_kit.catalog.model import Catalog, ObjectKey
from lamin_migrate_kit.comparison.model import Sides
from lamin_migrate_kit.decisions import Decisions
from lamin_migrate_kit.diff.kept import Kept, keep_undeclared, owner_of
from lamin_migrate_kit.diff.naming import dotted, follow_renames, render_key
from lamin_migrate_kit.diff.renames import Rename
from lamin_migrate_kit.operations.model import Answers, Question


@dataclass(frozen=True, slots=True)
class Carried:
    """The desired side with what is kept.

    Attributes:
        desired: The catalog to reach.
        kept: What is kept, for people to know.
        said: What is kept only because of a flag, to be recorded.
        open: What nobody has said of whether it stays, and stays until then.
        questions: What nobody has decided.
    """

    desired: Catalog
    kept: tuple[ObjectKey, ...] = ()
    said: tuple[ObjectKey, ...] = ()
    open: tuple[ObjectKey, ...] = ()
    questions: tuple[Question, ...] = ()


def carry_kept(
    sides: Sides, desired: Catalog, decisions: Decisions, renamed: Catalog, renames: Iterable[Rename]
) -> Carried:
    """Carry over what the models do not declare; against another database, nothing is.

    The server that built the models makes the kept objects too, and spells them: what reads a column whose type changes
    is spelled otherwise afterwards. What it refuses no longer fits the models.

    Args:
        sides: What is compared.
        desired: Its desired side, with the names that revisions chose.
        decisions: What is decided.
        renamed: The current catalog, renames done.
        renames: Those renames; a name that was kept under a former name stays kept.
    """
    if not sides.models:
        return Carried(desired)
    before = list(follow_renames(map(dotted, sides.keep), (*sides.recorded, *renames)))
    by_flag = list(follow_renames(map(dotted, decisions.keeps), renames))
    drop = set(follow_renames(map(dotted, decisions.drops), renames))

    def keep_without(refused: Iterable[ObjectKey]) -> Kept:
        gone = {*drop, *map(str, refused)}
        return keep_undeclared(
            renamed, desired, keep=(*before, *by_flag), drop=gone, conventions=sides.conventions, ground=sides.ground
        )

    kept = keep_without(())
    spelled, refused = _spelled(sides, desired, kept)
    if refused:
        kept = keep_without(refused)
        spelled, _ = _spelled(sides, desired, kept)
    said = tuple(key for key in kept.said if str(key) in by_flag or key.name in by_flag)
    return Carried(spelled, kept.kept, said, kept.open, _questions(kept, refused, drop))


def _spelled(sides: Sides, desired: Catalog, kept: Kept) -> tuple[Catalog, Mapping[ObjectKey, str]]:
    """The desired catalog as the server spells it once it has made what is kept, and what it would not make."""
    if sides.replayed is None or kept.desired.objects == desired.objects:
        return kept.desired, {}
    from lamin_migrate_kit.operations.lowering import plan_operations

    making = plan_operations(desired, kept.desired, answers=Answers(assume_empty=True)).operations
    if not making:
        return kept.desired, {}
    replayed = sides.replayed(making)
    if refused := {key: why for key, why in replayed.refused.items() if key not in desired.objects}:
        return kept.desired, refused
    # Names that revisions chose are known to us, not to the database on which the models were built.
    spelled = {key: replayed.catalog.objects.get(key, value) for key, value in kept.desired.objects.items()}
    # What the server makes along: a kept partition has indexes and keys of its own for those of its table.
    made = {key for key in kept.desired.objects.keys() - desired.objects.keys() if key.kind == "table"}
    along = {key: value for key, value in replayed.catalog.objects.items() if owner_of(value) in made}
    return replace(kept.desired, objects=dict(sorted({**spelled, **along}.items()))), {}


def _questions(kept: Kept, refused: Mapping[ObjectKey, str], drop: Collection[str]) -> tuple[Question, ...]:
    return (
        *(_open_question(key) for key in kept.open),
        *(_blocked_question(key, sorted(set(_roots(key, kept.blocked))), drop) for key in kept.blocked),
        *(_refused_question(key, why) for key, why in sorted(refused.items())),
    )


def _open_question(key: ObjectKey) -> Question:
    name = render_key(key)
    return Question(
        "drop",
        str(key),
        f"{_words(key)} {key} was made by a revision and is not in the models: does it stay?",
        (f"--keep {shlex.quote(name)}", f"--drop {shlex.quote(name)}"),
        (f"for good: [tool.lamin_migrate_kit] keep = [{_toml(name)}]",),
    )


def _toml(name: str) -> str:
    return f"'{name}'" if '"' in name else f'"{name}"'


def _roots(key: ObjectKey, blocked: Mapping[ObjectKey, tuple[ObjectKey, ...]]) -> Iterator[ObjectKey]:
    """What goes and takes an object with it, directly or through others that it takes with it."""
    for needed in blocked[key]:
        yield from _roots(needed, blocked) if needed in blocked else (needed,)


def _blocked_question(key: ObjectKey, needs: Collection[ObjectKey], drop: Collection[str]) -> Question:
    shown = " and ".join(f"{_words(needed)} {needed}" for needed in needs)
    keeping = " ".join(f"--keep {shlex.quote(render_key(needed))}" for needed in needs if str(needed) not in drop)
    return Question(
        "drop",
        str(key),
        f"{_words(key)} {key} needs {shown}, which goes: does it go too?",
        (f"--drop {shlex.quote(render_key(key))}", *((keeping,) if keeping else ())),
    )


def _refused_question(key: ObjectKey, why: str) -> Question:
    return Question(
        "drop",
        str(key),
        f"{_words(key)} {key} does not fit the models any more ({why}): does it go?",
        (f"--drop {shlex.quote(render_key(key))}",),
        ("to keep it, change it in a revision of its own first: invoke migrate.generate --empty",),
    )


def _words(key: ObjectKey) -> str:
    return key.kind.replace("_", " ")
