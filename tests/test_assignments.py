"""Plain assignments are read without running the file, and changed with every other byte kept."""

from __future__ import annotations

import pytest

from lamin_migrate_kit.assignments import parse_python, read_string, set_assignments
from lamin_migrate_kit.errors import SchemaModuleError

KEPT = [
    pytest.param(b'_migration = "OLD"\n', id="plain"),
    pytest.param(b'"""Doc."""\r\n\r\n_migration = "OLD"  # set by the kit\r\nx = 1\r\n', id="CRLF"),
    pytest.param(b'x = 1\r_migration = "OLD"\ry = 2\r', id="old Mac line ends"),
    pytest.param(b'x = 1\n_migration = "OLD"\r\ny = 2\n', id="mixed line ends"),
    pytest.param(b'\xef\xbb\xbf_migration = "OLD"\n', id="byte order mark, first line"),
    pytest.param(
        b'\xef\xbb\xbf# \xc3\xa9\r\nx = "\xc3\xa9"; _migration = "OLD"', id="byte order mark, CRLF, non-ASCII"
    ),
    pytest.param(b'_migration = "OLD"', id="no final newline"),
    pytest.param(b"_migration = 'OLD'\n", id="single quotes"),
    pytest.param(b'_migration = """OLD"""\n', id="triple quotes"),
    pytest.param(b"_migration = r'OLD'\n", id="raw string"),
    pytest.param(b'_migration="OLD";x=2\n', id="no spaces"),
    pytest.param(b'_migration\t=\t"OLD"\t# a tab\n', id="tabs"),
    pytest.param(b'_migration: str = "OLD"\n', id="annotated"),
    pytest.param(b'_migration = head = "OLD"\n', id="two names for it"),
    pytest.param(b'_migration = (\n    "OLD"  # why\n)\n', id="in parentheses"),
    pytest.param(b'# -*- coding: latin-1 -*-\nname = "\xe9\xff"; _migration = "OLD"  # \xe9\n', id="latin-1 cookie"),
    pytest.param('ünï = "ß€😀"; _migration = "OLD"  # 😀\n'.encode(), id="characters of several bytes before it"),
    pytest.param(b'x = 1\n\x0c\n_migration = "OLD"\n\x0c', id="form feeds"),
    pytest.param(b'"""_migration = "no"."""\n# _migration = "no"\n_migration = "OLD"\n', id="mentioned elsewhere"),
    pytest.param(b'def f():\n    _migration = "no"\n\n_migration = "OLD"\n', id="a local of the same name"),
    pytest.param(b'if TYPE_CHECKING:\n    _migration: str\n_migration = "OLD"\n', id="declared before"),
    pytest.param(b'pattern = "\\d"\n_migration = "OLD"\n', id="a warning of the compiler"),
]


@pytest.mark.parametrize("source", KEPT)
def test_only_the_value_changes(source: bytes) -> None:
    changed = set_assignments(source.replace(b"OLD", b"8280855a5064"), {"_migration": "dd2b4a9499f2"})
    assert changed == source.replace(b"OLD", b"dd2b4a9499f2")


def test_none_becomes_a_string() -> None:
    assert set_assignments(b"_migration = None  # yet\n", {"_migration": "a1"}) == b'_migration = "a1"  # yet\n'


def test_strings_in_two_parts_become_one() -> None:
    assert set_assignments(b"_migration = ('a'\n 'b')\n", {"_migration": "c1"}) == b"_migration = ('c1')\n"


def test_several_names_change_in_one_go() -> None:
    source = b'_migration = "a"\n__version__ = "0.1"\n'
    changed = set_assignments(source, {"__version__": "1!2.0rc1.post2.dev3+x.y", "_migration": "b"})
    assert changed == b'_migration = "b"\n__version__ = "1!2.0rc1.post2.dev3+x.y"\n'


def test_the_same_value_gives_the_same_bytes() -> None:
    source = b'\xef\xbb\xbf_migration = "a"\r\n'
    assert set_assignments(source, {"_migration": "a"}) == source


TWICE = [
    b'_migration = "a"\n_migration = "b"\n',
    b'_migration = "a"\nif x:\n    _migration = "b"\n',
    b'try:\n    _migration = "a"\nexcept E:\n    _migration = "b"\n',
    b'_migration = "a"\nfrom ._head import _migration\n',
    b'_migration = "a"\n_migration += "b"\n',
    b'_migration = "a"\nfor _migration in ("b",):\n    pass\n',
    b'_migration = "a"\nwith open(f) as (_migration, x):\n    pass\n',
    b'_migration = "a"\ndel _migration\n',
]


@pytest.mark.parametrize("source", TWICE)
def test_an_assignment_too_many_is_told_with_both_lines(source: bytes) -> None:
    with pytest.raises(SchemaModuleError) as caught:
        set_assignments(source, {"_migration": "c"})
    assert "more than once in __init__.py: lines" in caught.value.what
    assert caught.value.next_command is not None
    assert '_migration = "' in caught.value.next_command


COMPUTED = [
    (b"_migration = head()\n", "computed", 1),
    (b'x = 1\n_migration = f"{x}"\n', "computed", 2),
    (b'_migration = "a" + "b"\n', "computed", 1),
    (b'_migration = b"a"\n', "no string", 1),
    (b"_migration = 12\n", "no string", 1),
    (b"def _migration(): ...\n", "no string", 1),
    (b'if x:\n    _migration = "a"\n', "assigned under a condition", 2),
    (b"match x:\n    case 1:\n        _migration = 'a'\n", "assigned under a condition", 3),
    (b"from ._head import _migration\n", "imported", 1),
    (b"from ._head import head as _migration\n", "imported", 1),
    (b'_schema_id, _migration = "yvzi", "a"\n', "assigned together with other names", 1),
]


@pytest.mark.parametrize(("source", "why", "line"), COMPUTED)
def test_a_computed_value_is_told_with_its_line_and_the_line_to_write(source: bytes, why: str, line: int) -> None:
    with pytest.raises(SchemaModuleError) as caught:
        set_assignments(source, {"_migration": "dd2b4a9499f2"})
    assert f"`_migration` is {why} in __init__.py" in caught.value.what
    assert caught.value.where == f"__init__.py:{line}"
    assert caught.value.next_command is not None
    assert caught.value.next_command.endswith('_migration = "dd2b4a9499f2"')
    assert caught.value.exit_code == 2


def test_a_missing_name_is_told_with_the_line_to_add() -> None:
    with pytest.raises(SchemaModuleError, match="does not set `_migration`") as caught:
        set_assignments(b"", {"_migration": "a1"})
    assert caught.value.next_command == 'add to __init__.py:\n_migration = "a1"'


@pytest.mark.parametrize("value", ['a"', "a\nb", "a\\", "é ", "'"])
def test_a_value_that_could_break_the_file_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="neither a revision id nor a version"):
        set_assignments(b'_migration = "a"\n', {"_migration": value})


@pytest.mark.parametrize("source", [b"x = (\n", b"def f(:\n", b"x = 1\n  y = 2\n", b"\x00", b'x = "\xff"\n'])
def test_no_python_is_told_with_the_file(source: bytes) -> None:
    with pytest.raises(SchemaModuleError, match=r"core/__init__\.py is no valid Python") as caught:
        parse_python(source, "core/__init__.py")
    assert caught.value.where is not None
    assert caught.value.where.startswith("core/__init__.py")


def test_a_syntax_error_names_its_line() -> None:
    with pytest.raises(SchemaModuleError) as caught:
        parse_python(b"x = 1\ny = = 2\n", "core/__init__.py")
    assert caught.value.where == "core/__init__.py:2"
    assert caught.value.details == "y = = 2"


def test_a_name_that_is_not_there_reads_as_nothing() -> None:
    assert read_string(parse_python(b"x = 1\n", "f"), "_migration", "f", '"a"') is None
