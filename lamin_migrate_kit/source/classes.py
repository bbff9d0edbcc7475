"""Models as their source says them: which tables, and which columns in which words. Nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lamin_migrate_kit.diff.renames.shapes import TableKey, stored_name

_COLUMN_CALLS = frozenset({"Column", "mapped_column"})
_NO_COLUMNS = frozenset({"Relationship", "relationship", "backref", "association_proxy", "hybrid_property"})
_MODEL_ATTRIBUTES = frozenset({"metadata", "model_config", "registry"})


@dataclass(frozen=True, slots=True)
class FieldSource:
    """A column as it is written.

    Attributes:
        name: The column's name, which an explicit name in the call decides.
        line: Annotation and value in one spelling, whatever the formatting, without the name.
    """

    name: str
    line: str


@dataclass(frozen=True, slots=True)
class ClassSource:
    """A class, or a `Table(…)`, as it is written.

    Attributes:
        name: The class's name, or that of the variable.
        path: The file it is in.
        bases: Names of its bases, without modules.
        table: What `__tablename__` or `table=True` says; None for what is no table of its own.
        schema: What `__table_args__` or `schema=` says; empty when the source does not say it.
        fields: Its own columns in order.
    """

    name: str
    path: str
    bases: tuple[str, ...]
    table: str | None
    schema: str
    fields: tuple[FieldSource, ...]


@dataclass(frozen=True, slots=True)
class TableSource:
    """A table with all its columns, those of mixins first.

    Attributes:
        key: The schema is empty when the source does not say it.
        class_name: The class that makes it.
        path: The file that the class is in.
        fields: Its columns in order.
    """

    key: TableKey
    class_name: str
    path: str
    fields: tuple[FieldSource, ...]


def read_tables(files: Mapping[str, str]) -> tuple[TableSource, ...]:
    """The tables that source files define, in the order of the files and of the classes in them.

    Files that are no Python are left out: they may be half-written.

    Args:
        files: Contents by path.
    """
    classes = [found for path in sorted(files) for found in _classes(path, files[path])]
    by_name = {found.name: found for found in classes}
    return tuple(
        TableSource(TableKey(_schema(found, by_name), found.table), found.name, found.path, _all_fields(found, by_name))
        for found in classes
        if found.table is not None
    )


def _classes(path: str, text: str) -> Iterator[ClassSource]:
    try:
        tree = ast.parse(text.removeprefix("\ufeff"))
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield _class(path, node)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            table = _core_table(path, node, node.value)
            if table is not None:
                yield table


def _class(path: str, node: ast.ClassDef) -> ClassSource:
    attributes = dict(_assignments(node))
    keywords = {keyword.arg: keyword.value for keyword in node.keywords}
    return ClassSource(
        name=node.name,
        path=path,
        bases=tuple(name for name in map(_last_name, node.bases) if name),
        table=_table_name(node.name, attributes, keywords),
        schema=_text(_table_options(attributes.get("__table_args__")).get("schema")) or "",
        fields=tuple(_fields(node)),
    )


def _assignments(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    for statement in node.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target: ast.expr = statement.targets[0]
        elif isinstance(statement, ast.AnnAssign):
            target = statement.target
        else:
            continue
        if isinstance(target, ast.Name) and statement.value is not None:
            yield target.id, statement.value


def _table_name(
    class_name: str, attributes: Mapping[str, ast.expr], keywords: Mapping[str | None, ast.expr]
) -> str | None:
    named = _text(attributes.get("__tablename__"))
    if named is not None:
        return stored_name(named)
    is_table = keywords.get("table")
    if isinstance(is_table, ast.Constant) and is_table.value is True:
        return stored_name(class_name.lower())
    return None


def _table_options(node: ast.expr | None) -> dict[str, ast.expr]:
    """The keyword part of `__table_args__`: a dict, or a tuple that ends in one."""
    if isinstance(node, ast.Tuple) and node.elts:
        node = node.elts[-1]
    if not isinstance(node, ast.Dict):
        return {}
    pairs = zip(node.keys, node.values, strict=True)
    return {name: value for key, value in pairs if (name := _text(key)) is not None}


def _fields(node: ast.ClassDef) -> Iterator[FieldSource]:
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            field = _field(statement.target.id, statement.annotation, statement.value)
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            is_column = isinstance(statement.value, ast.Call) and _last_name(statement.value.func) in _COLUMN_CALLS
            field = _field(statement.targets[0].id, None, statement.value) if is_column else None
        else:
            continue
        if field is not None:
            yield field


def _field(name: str, annotation: ast.expr | None, value: ast.expr | None) -> FieldSource | None:
    if name.startswith("__") or name in _MODEL_ATTRIBUTES or _is_class_var(annotation):
        return None
    if isinstance(value, ast.Call) and _last_name(value.func) in _NO_COLUMNS:
        return None
    explicit = _explicit_name(value)
    words = [ast.unparse(part) for part in (annotation, _without_name(value)) if part is not None]
    return FieldSource(stored_name(explicit or name), " = ".join(words))


def _is_class_var(annotation: ast.expr | None) -> bool:
    inner = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return inner is not None and _last_name(inner) == "ClassVar"


def _explicit_name(value: ast.expr | None) -> str | None:
    """`Column("v", …)`, `Field(sa_column=Column("v", …))`, `Field(sa_column_kwargs={"name": "v"})`."""
    if not isinstance(value, ast.Call):
        return None
    if _last_name(value.func) in _COLUMN_CALLS:
        first = _text(value.args[0]) if value.args else None
        return first or _text(_keyword(value, "name"))
    kwargs = _table_options(_keyword(value, "sa_column_kwargs"))
    return _explicit_name(_keyword(value, "sa_column")) or _text(kwargs.get("name"))


def _without_name(value: ast.expr | None) -> ast.expr | None:
    """A call without the column's explicit name, so that two lines that differ in it alone are equal."""
    explicit = _explicit_name(value)
    if value is None or explicit is None:
        return value
    return _Forget(explicit).visit(ast.parse(ast.unparse(value), mode="eval").body)  # type: ignore[no-any-return]


class _Forget(ast.NodeTransformer):
    """Replaces a name by nothing; of its first mention only, which is where the name stands."""

    def __init__(self, name: str) -> None:
        self.name: str | None = name

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if self.name is not None and node.value == self.name:
            self.name = None
            return ast.Constant("")
        return node


def _core_table(path: str, node: ast.Assign | ast.AnnAssign, call: ast.Call) -> ClassSource | None:
    """`notebook = Table("notebook", metadata, Column("id", …), …, schema="core")`."""
    if _last_name(call.func) != "Table" or not call.args or _text(call.args[0]) is None:
        return None
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    columns = [arg for arg in call.args if isinstance(arg, ast.Call) and _last_name(arg.func) in _COLUMN_CALLS]
    named = [(_explicit_name(column), column) for column in columns]
    return ClassSource(
        name=target.id if isinstance(target, ast.Name) else "",
        path=path,
        bases=(),
        table=stored_name(_text(call.args[0]) or ""),
        schema=_text(_keyword(call, "schema")) or "",
        fields=tuple(field for name, column in named if name and (field := _field(name, None, column))),
    )


def _all_fields(found: ClassSource, by_name: Mapping[str, ClassSource]) -> tuple[FieldSource, ...]:
    """Inherited columns first; a class's own column takes the place of an inherited one of the same name."""
    fields: dict[str, FieldSource] = {}
    for part in _lineage(found, by_name):
        fields |= {field.name: field for field in part.fields}
    return tuple(fields.values())


def _lineage(
    found: ClassSource, by_name: Mapping[str, ClassSource], seen: frozenset[str] = frozenset()
) -> Iterator[ClassSource]:
    for base in found.bases:
        if base in by_name and base not in seen and base != found.name:
            yield from _lineage(by_name[base], by_name, seen | {found.name})
    yield found


def _schema(found: ClassSource, by_name: Mapping[str, ClassSource]) -> str:
    return next((part.schema for part in reversed(list(_lineage(found, by_name))) if part.schema), "")


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def by_table(tables: Iterable[TableSource]) -> dict[TableKey, TableSource]:
    """Tables by key; the first of several with one key."""
    found: dict[TableKey, TableSource] = {}
    for table in tables:
        found.setdefault(table.key, table)
    return found
