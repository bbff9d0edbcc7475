"""A column's type -> SQL literals for it. Pure: types and checks come from a Catalog, nothing is tried here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from lamin_migrate_kit.catalog.model import Catalog, CompositeType, Domain, EnumType, RangeType
from lamin_migrate_kit.catalog.quoting import qualified, quote_literal

_BASE = re.compile(
    r"^(?P<base>[^(\[]+?)\s*(?:\((?P<size>[\d,\s-]+)\))?(?P<rest>\s+with(?:out)? time zone)?(?P<array>(?:\[\])*)$"
)
_TEXT_LITERAL = re.compile(r"'((?:[^']|'')*)'")
_NUMBER = re.compile(r"(?<![\w.'])-?\d+(?:\.\d+)?(?![\w.'])")


@dataclass(frozen=True, slots=True)
class TypeName:
    """A type as the server spells it, taken apart.

    Attributes:
        base: Without length and brackets: `character varying`, `core.role`.
        size: What stands in the parentheses: `(5,)` of `numeric(5)`.
        dimensions: How many pairs of brackets.
    """

    base: str
    size: tuple[int, ...] = ()
    dimensions: int = 0


def parse_type(spelled: str) -> TypeName:
    """Take a type apart: `timestamp(3) without time zone[]` -> base, size (3,), one dimension."""
    found = _BASE.match(spelled)
    if found is None:
        return TypeName(spelled)
    size = tuple(int(part) for part in (found["size"] or "").split(",") if part.strip())
    return TypeName(found["base"] + (found["rest"] or ""), size, len(found["array"]) // 2)


def literals_in(definition: str) -> tuple[str, ...]:
    """The texts and numbers that stand in a check, with their neighbours, as SQL literals worth trying."""
    texts = [quote_literal(text.replace("''", "'")) for text in _TEXT_LITERAL.findall(definition)]
    bare = _TEXT_LITERAL.sub("", definition)
    numbers = [float(number) if "." in number else int(number) for number in _NUMBER.findall(bare)]
    ordered = sorted(set(numbers))
    around = [number + step for number in ordered for step in (0, 1, -1, 2, -2, 3, -3)]
    between = [(low + high) / 2 for low, high in pairwise(ordered)]
    return tuple(dict.fromkeys([*texts, *(quote_literal(str(value)) for value in (*around, *between))]))


class Values:
    """Gives SQL expressions of a type, different for every row.

    Args:
        catalog: Where enums, domains, composite and range types are looked up.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._types = {
            qualified(value.key): value
            for cls in (EnumType, Domain, CompositeType, RangeType)
            for value in catalog.of(cls)
        }

    def of(self, spelled: str, column: str, row: int) -> Iterator[str]:
        """The expressions to try for a column in a row, likeliest first; none when the type is not known.

        Args:
            spelled: The type as the server spells it.
            column: The column's name, which stands in texts, so that values of different columns differ.
            row: The number of the row, from 1.
        """
        name = parse_type(spelled)
        if name.dimensions:
            element = spelled.removesuffix("[]" * name.dimensions)
            yield from (f"ARRAY[{value}]::{spelled}" for value in self.of(element, column, row))
            return
        for literal in self._of_base(name, column, row):
            yield f"{literal}::{spelled}"

    def is_domain(self, spelled: str) -> bool:
        """Whether a type is a domain, whose checks may refuse a value."""
        return isinstance(self._types.get(spelled), Domain)

    def of_domain(self, spelled: str) -> Iterator[str]:
        """The literals that stand in the checks of a domain; none for other types."""
        known = self._types.get(spelled)
        if isinstance(known, Domain):
            yield from (literal for constraint in known.constraints for literal in literals_in(constraint.definition))
            yield from self.of_domain(known.type)

    def _of_base(self, name: TypeName, column: str, row: int) -> Iterator[str]:
        known = self._types.get(name.base)
        if isinstance(known, EnumType):
            yield from (quote_literal(known.values[(row + i) % len(known.values)]) for i in range(len(known.values)))
        elif isinstance(known, Domain):
            yield from self.of(known.type, column, row)
        elif isinstance(known, CompositeType):
            fields = [next(self.of(type_, f"{column}_{name_}", row), "NULL") for name_, type_, _ in known.attributes]
            yield f"ROW({', '.join(fields)})"
        elif isinstance(known, RangeType):
            yield "'empty'"
        else:
            # An extension's types stand in whatever schema it was created in.
            make = _LITERALS.get(name.base) or _LITERALS.get(name.base.rpartition(".")[2])
            yield from make(name.size, column, row) if make else ()


_Maker = Callable[[tuple[int, ...], str, int], Iterator[str]]


def _text(size: tuple[int, ...], column: str, row: int) -> Iterator[str]:
    whole = f"{column}-{row}"
    # The row's number stands at the end, and must survive the cut: it is what tells rows apart.
    yield quote_literal(whole[-size[0] :] if size else whole)


def _integer(_size: tuple[int, ...], column: str, row: int) -> Iterator[str]:
    # Columns differ by an offset that depends on the name alone, so that a mix-up of two columns shows.
    yield f"'{sum(column.encode()) % 89 * 10 + row}'"
    yield f"'{row}'"


def _numeric(size: tuple[int, ...], column: str, row: int) -> Iterator[str]:
    whole = size[0] - (size[1] if len(size) > 1 else 0) if size else 9
    number = sum(column.encode()) % 89 * 10 + row
    yield f"'{number % 10 ** max(whole, 0)}'"
    yield f"'0.{row}'"


def _bits(size: tuple[int, ...], _column: str, row: int) -> Iterator[str]:
    width = size[0] if size else 1
    yield f"B'{row % 2**width:0{width}b}'"


def _uuid(_size: tuple[int, ...], column: str, row: int) -> Iterator[str]:
    yield f"md5({quote_literal(f'{column}-{row}')})"


def _vector(size: tuple[int, ...], _column: str, row: int) -> Iterator[str]:
    yield quote_literal(str([row] * (size[0] if size else 3)))


def _plain(*patterns: str) -> _Maker:
    """Literals made of the row's number: `{row}`, and `{short}` from 1 to 9."""

    def make(_size: tuple[int, ...], column: str, row: int) -> Iterator[str]:
        for pattern in patterns:
            yield quote_literal(pattern.format(row=row, short=row % 9 + 1, next=row + 1, column=column))

    return make


_LITERALS: dict[str, _Maker] = {
    **dict.fromkeys(("text", "character varying", "character", "name", "citext", '"char"'), _text),
    **dict.fromkeys(("smallint", "integer", "bigint", "oid", "real", "double precision", "money"), _integer),
    "numeric": _numeric,
    **dict.fromkeys(("bit", "bit varying"), _bits),
    "uuid": _uuid,
    "vector": _vector,
    "boolean": lambda _size, _column, row: iter(("'true'", "'false'") if row % 2 else ("'false'", "'true'")),
    "date": _plain("2020-01-0{short}"),
    "time without time zone": _plain("0{short}:00:00"),
    "time with time zone": _plain("0{short}:00:00+00"),
    "timestamp without time zone": _plain("2020-01-0{short} 12:00:00"),
    "timestamp with time zone": _plain("2020-01-0{short} 12:00:00+00"),
    "interval": _plain("{row} days"),
    "json": _plain('{{"{column}": {row}}}', "[{row}]", "{row}"),
    "jsonb": _plain('{{"{column}": {row}}}', "[{row}]", "{row}"),
    "bytea": _plain(r"\x0{short}"),
    "inet": _plain("10.0.0.{short}"),
    "cidr": _plain("10.0.{short}.0/24"),
    "macaddr": _plain("08:00:2b:01:02:0{short}"),
    "macaddr8": _plain("08:00:2b:01:02:03:04:0{short}"),
    "point": _plain("({row},{row})"),
    "line": _plain("{{1,1,{row}}}"),
    "lseg": _plain("[(0,0),({row},{row})]"),
    "box": _plain("(({row},{row}),({next},{next}))"),
    "path": _plain("[(0,0),({row},{row})]"),
    "polygon": _plain("((0,0),(0,{row}),({row},0))"),
    "circle": _plain("<(0,0),{row}>"),
    "tsvector": _plain("word{row}"),
    "tsquery": _plain("word{row}"),
    "xml": _plain("<row>{row}</row>"),
    "jsonpath": _plain("$.a{row}"),
    "pg_lsn": _plain("0/{short}"),
    "int4range": _plain("[{row},{next})"),
    "int8range": _plain("[{row},{next})"),
    "numrange": _plain("[{row},{next})"),
    "daterange": _plain("[2020-01-0{short},2020-02-0{short})"),
    "tsrange": _plain("[2020-01-0{short},2020-02-0{short})"),
    "tstzrange": _plain("[2020-01-0{short} 00:00+00,2020-02-0{short} 00:00+00)"),
    **{f"{kind}multirange": _plain("{{}}") for kind in ("int4", "int8", "num", "date", "ts", "tstz")},
    "hstore": _plain("{column}=>{row}"),
    "ltree": _plain("a.b{row}"),
}
