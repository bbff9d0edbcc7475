"""JSON documents that checks on their content may take. Pure."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

from lamin_migrate_kit.proof.rows.hints import Hints

_MOST = 400
_KEYS = 5

Json = str | float | bool | list[object] | dict[str, object] | None


def documents(hints: Hints, row: int) -> Iterator[str]:
    """Documents with the keys that checks ask for, likeliest values first.

    Args:
        hints: What the checks say.
        row: Stands in values, so that rows differ.
    """
    paths = [path for path in hints.paths if not _is_start(path, hints.paths)][:_KEYS]
    if paths:
        values = _values(hints, row)
        combinations = sorted(itertools.product(range(len(values)), repeat=len(paths)), key=sum)
        for combination in combinations[:_MOST]:
            document: dict[str, object] = {}
            for path, choice in zip(paths, combination, strict=True):
                _put(document, path, values[choice])
            yield json.dumps({**document, "row": row})
            yield json.dumps(document)
    for plain in ({"row": row}, {}, [row], [], f"row {row}", row, True, None, [{"row": row}], ["a", "b"]):
        yield json.dumps(plain)
    for text in hints.texts:
        yield json.dumps([text])
        yield json.dumps(text)


def _values(hints: Hints, row: int) -> list[Json]:
    keys = {step for path in hints.paths for step in path}
    said: list[Json] = [text for text in hints.texts if text not in keys]
    numbers: list[Json] = list([number for number in hints.numbers if number == int(number)][:6])
    usual: list[Json] = [f"text {row}", row, True, [f"item {row}"], {"key": row}, "2020-01-01", 0.5, [], {}, None]
    return list({json.dumps(value): value for value in [*said[:6], *numbers, *usual]}.values())


def _put(document: dict[str, object], path: tuple[str, ...], value: Json) -> None:
    for step in path[:-1]:
        inner = document.setdefault(step, {})
        if not isinstance(inner, dict):
            return
        document = inner
    document.setdefault(path[-1], value)


def _is_start(path: tuple[str, ...], others: tuple[tuple[str, ...], ...]) -> bool:
    return any(len(other) > len(path) and other[: len(path)] == path for other in others)
