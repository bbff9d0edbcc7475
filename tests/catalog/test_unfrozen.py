"""What is made past a frozen class's own constructor is the same value, and as frozen."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from lamin_migrate_kit.catalog.unfrozen import unfrozen


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 0
    names: list[str] = field(default_factory=list, compare=False)


def test_value_is_of_the_class_and_equal() -> None:
    made = unfrozen(Point)(1, y=2)
    assert type(made) is Point
    assert made == Point(1, 2)
    assert repr(made) == repr(Point(1, 2))
    assert replace(made, x=3) == Point(3, 2)


def test_defaults_are_those_of_the_class() -> None:
    make = unfrozen(Point)
    assert make(1) == Point(1)
    assert make(1).names is not make(1).names


def test_value_is_frozen() -> None:
    made = unfrozen(Point)(1)
    with pytest.raises(FrozenInstanceError):
        made.x = 2  # type: ignore[misc]


def test_missing_values_are_an_error() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        unfrozen(Point)()  # type: ignore[call-arg]
