"""A column's type and the hints of its checks -> SQL expressions worth trying. The server decides what fits."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from lamin_migrate_kit.catalog.model import Catalog, CompositeType, Domain, EnumType, RangeType
from lamin_migrate_kit.catalog.quoting import qualified, quote_literal
from lamin_migrate_kit.proof.rows.documents import documents
from lamin_migrate_kit.proof.rows.hints import Hints, read_hints
from lamin_migrate_kit.proof.rows.patterns import samples

SEEDS = range(1, 13)
"""A value for each: more than rows, so that those that are refused have others to follow."""
_BASE = re.compile(
    r"^(?P<base>[^(\[]+?)\s*(?:\((?P<size>[\d,\s-]+)\))?(?P<rest>\s+with(?:out)? time zone)?(?P<array>(?:\[\])*)$"
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_SUBTYPE = re.compile(r"SUBTYPE = ([^,]+)")
_ITEMS = 6
_FEW = 4


Fitting = Callable[[list[str], list[str]], list[str]]
"""Takes values and conditions over a column called `value`; gives the values for which they are not false."""


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


class Values:
    """Gives SQL expressions of a type.

    Args:
        catalog: Where enums, domains, composite and range types are looked up.
        extremes: Begin with values that are as long, large and precise as the type takes.
        fitting: Asks the server which values satisfy the conditions of a domain.
    """

    def __init__(
        self, catalog: Catalog, *, extremes: bool = False, fitting: Fitting = lambda some, _conditions: some
    ) -> None:
        self._extremes = extremes
        self._fitting = fitting
        self._domains: dict[tuple[str, str, Hints | None], list[str]] = {}
        self._types = {
            qualified(value.key): value
            for cls in (EnumType, Domain, CompositeType, RangeType)
            for value in catalog.of(cls)
        }
        self._ranges = {
            f"{qualified(value.key._replace(name=value.multirange))}": value
            for value in catalog.of(RangeType)
            if value.multirange
        }

    def pool(self, spelled: str, column: str, hints: Hints | None = None) -> list[str]:
        """Expressions to try, those for the first row first; none when the type is not known.

        Args:
            spelled: The type as the server spells it.
            column: The column's name, which stands in texts, so that values of different columns differ.
            hints: What the checks say that the column takes part in; None when there are none.
        """
        name = parse_type(spelled)
        if name.dimensions:
            made = self._arrays(spelled, name, column, hints)
        else:
            made = (f"{literal}::{spelled}" for literal in self._literals(name, column, hints))
        return list(dict.fromkeys(itertools.islice(made, 1500)))

    def definitions(self, spelled: str) -> tuple[str, ...]:
        """The checks of a domain and of what it is built on; none for other types, arrays of domains among them."""
        name = parse_type(spelled)
        known = self._types.get(name.base)
        if name.dimensions or not isinstance(known, Domain):
            return ()
        return (*(constraint.definition for constraint in known.constraints), *self.definitions(known.type))

    def is_known(self, spelled: str) -> bool:
        """Whether there are values that a type certainly takes."""
        base = parse_type(spelled).base
        return base in self._types or _maker(base) is not None

    def _arrays(self, spelled: str, name: TypeName, column: str, hints: Hints | None) -> Iterator[str]:
        item = spelled.removesuffix("[]" * name.dimensions)
        items = self.pool(item, column, hints)
        if not items:
            return
        opening, closing = "ARRAY[" * name.dimensions, "]" * name.dimensions
        for place in range(len(SEEDS)):
            pair = dict.fromkeys((items[place % len(items)], items[(place + 1) % len(items)]))
            yield f"{opening}{', '.join(pair)}{closing}::{spelled}"
        if name.dimensions > 1 or hints is None:
            return
        for length in (1, 3, *(number for number in hints.lengths if number <= 50), 4, 5):
            yield f"ARRAY[{', '.join(items[place % len(items)] for place in range(length))}]::{spelled}"
        texts = [f"{quote_literal(text)}::{item}" for text in hints.texts[:_ITEMS]]
        for number in (1, 2, 3):
            yield from (f"ARRAY[{', '.join(some)}]::{spelled}" for some in itertools.combinations(texts, number))
        yield from (f"ARRAY[{one}]::{spelled}" for one in items[:30])
        yield f"'{{}}'::{spelled}"

    def _literals(self, name: TypeName, column: str, hints: Hints | None) -> Iterator[str]:
        known = self._types.get(name.base)
        if isinstance(known, EnumType):
            yield from map(quote_literal, known.values)
        elif isinstance(known, Domain):
            yield from self._of_domain(name.base, known, column, hints)
        elif isinstance(known, CompositeType):
            yield from self._rows(known, column)
        elif isinstance(known, RangeType):
            yield from self._custom_ranges(known, column, "{0}")
        elif name.base in self._ranges:
            yield from self._custom_ranges(self._ranges[name.base], column, "{0}", many=True)
        else:
            yield from self._of_base(name, column, hints)

    def _of_domain(self, spelled: str, known: Domain, column: str, hints: Hints | None) -> list[str]:
        """Values that the domain's checks take, which is asked here: what is made of domains takes any of these."""
        key = (spelled, column, hints)
        if key not in self._domains:
            said = self.definitions(spelled)
            inner = self.pool(known.type, column, _joined(hints, read_hints(said)) if said else hints)
            if said:
                inner = self._fitting(inner, [_of_value(definition) for definition in said])
            self._domains[key] = [f"{value}::{spelled}" for value in inner]
        return self._domains[key]

    def _rows(self, known: CompositeType, column: str) -> Iterator[str]:
        fields = [self.pool(type_, f"{column}_{name}") or ["NULL"] for name, type_, _ in known.attributes]
        for place in range(max(map(len, fields), default=1)):
            yield f"ROW({', '.join(field[place % len(field)] for field in fields)})"

    def _custom_ranges(self, known: RangeType, column: str, form: str, *, many: bool = False) -> Iterator[str]:
        found = _SUBTYPE.search(known.definition)
        items = sorted_pool(self.pool(found[1].strip(), column)) if found else []
        range_ = qualified(known.key)
        for low, high in itertools.pairwise(items):
            # Which of the two is lower only the server knows.
            one = f"{range_}(least({low}, {high}), greatest({low}, {high}))"
            yield f"{qualified(known.key._replace(name=known.multirange))}({one})" if many else form.format(one)
        yield "'{}'" if many else "'empty'"

    def _of_base(self, name: TypeName, column: str, hints: Hints | None) -> Iterator[str]:
        name = replace(name, base=_without_schema(name.base))
        make = _maker(name.base)
        if self._extremes and name.base in _EXTREMES:
            yield quote_literal(_EXTREMES[name.base](name.size, column))
        if make is None:
            yield from map(quote_literal, _ANYTHING)
            return
        own = [literal for seed in SEEDS for literal in make(name.size, column, seed)]
        if hints is None:
            yield from own
            return
        yield from own[:_FEW]
        yield from itertools.islice(_hinted(name, hints), 800)
        yield from _usual(name)
        yield from own[_FEW:]


def _of_value(definition: str) -> str:
    """The condition of a domain's check, over a column called `value`."""
    texts = re.split(r"('(?:[^']|'')*')", definition.removeprefix("CHECK ").removesuffix(" NOT VALID"))
    return "".join(text if place % 2 else re.sub(r"\bVALUE\b", "value", text) for place, text in enumerate(texts))


def sorted_pool(pool: Iterable[str]) -> list[str]:
    """The first values of a pool."""
    return list(itertools.islice(pool, len(SEEDS)))


def _joined(one: Hints | None, other: Hints) -> Hints:
    if one is None:
        return other
    return Hints(
        (*one.texts, *other.texts),
        (*one.numbers, *other.numbers),
        (*one.patterns, *other.patterns),
        (*one.likes, *other.likes),
        (*one.lengths, *other.lengths),
        (*one.paths, *other.paths),
    )


# Values that checks speak of

_TEXTUAL = ("text", "character varying", "character", "citext", "name", "bpchar")
_WHOLE = ("smallint", "integer", "bigint", "oid")
_NUMERIC = ("numeric", "real", "double precision", "money")
_TEMPORAL = ("date", "timestamp without time zone", "timestamp with time zone")


def _hinted(name: TypeName, hints: Hints) -> Iterator[str]:
    if name.base in _TEXTUAL:
        made = (*samples(hints.patterns, hints.likes, len(SEEDS)), *_of_length(hints.lengths), *hints.texts)
        yield from map(quote_literal, made)
        yield from (quote_literal(f"{number:g}") for number in hints.numbers)
    elif name.base in _WHOLE:
        yield from (f"'{int(number)}'" for number in hints.numbers if number == int(number))
    elif name.base in _NUMERIC:
        yield from (f"'{number:.12g}'" for number in hints.numbers)
    elif name.base in _TEMPORAL:
        yield from map(quote_literal, _days(hints.texts))
        yield from (quote_literal(text) for text in hints.texts if _DATE.match(text))
    elif name.base in ("json", "jsonb"):
        for row in SEEDS:
            yield from map(quote_literal, itertools.islice(documents(hints, row), 500 if row == 1 else 60))
    elif name.base == "bytea":
        yield from (f"decode(repeat('a{seed % 10}', {length}), 'hex')" for seed in SEEDS for length in hints.lengths)
    elif name.base in ("bit", "bit varying", "boolean"):
        return
    else:
        yield from (quote_literal(text) for text in hints.texts if text)


def _of_length(lengths: Iterable[int]) -> Iterator[str]:
    for length in lengths:
        for seed in SEEDS:
            yield (f"{'abcdefgh' * (length // 8 + 1)}"[: max(0, length - len(str(seed)))] + str(seed))[:length]
            yield f"{seed:0{length}d}"[-length:] if length > 0 else ""


def _days(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        found = _DATE.match(text)
        if found:
            day = date.fromisoformat(found[0])
            yield from (str(day + timedelta(days=step)) for step in (0, 1, -1, 7, -7, 15, 40, -40))


def _usual(name: TypeName) -> Iterator[str]:
    """What many checks want, said or not."""
    if name.base in _TEXTUAL:
        for seed in SEEDS:
            yield from (quote_literal(form.format(seed=seed)) for form in _USUAL_TEXTS)
    elif name.base in _WHOLE:
        yield from (f"'{number}'" for number in (0, 1, 2, 3, 4, 5, 10, 50, 100, 1000, 10000, -1, -10))
    elif name.base in _NUMERIC:
        yield from (f"'{number}'" for number in (0, 1, 2, 5, 0.5, 0.25, 0.1, 0.75, 10, 50, 100, 1000, -1, -0.5))
    elif name.base in _TEMPORAL:
        first = date(2024, 1, 1)
        yield from (f"'{first + timedelta(days=day)}'" for day in (0, 1, 2, 3, 4, 5, 6, 14, 31, 60, 366))
        yield from ("'1999-12-31'", "'2100-01-01'", "'2020-02-29'")
    elif name.base in ("json", "jsonb"):
        yield from ("'{}'", "'[]'", "'null'", "'true'")
    elif name.base == "interval":
        yield from ("'1 hour'", "'90 minutes'", "'1 month'", "'0'", "'2 years'")


_USUAL_TEXTS = (
    "user{seed}@example.org",
    "https://example.org/{seed}",
    "abc{seed}",
    "ABC{seed}",
    "{seed:04d}",
    "2020-01-{seed:02d}",
    "+4930{seed:06d}",
    "00000000-0000-4000-8000-{seed:012d}",
    "{seed:032x}",
    "/a/b{seed}",
    "#{seed:06x}",
    "1.0.{seed}",
    "word{seed}-of-it",
    "10.0.0.{seed}",
    "A1b2C3d4!{seed}",
    "A1b2C3d4E{seed}",
    "Title {seed}",
    "en",
    "DE",
    "EUR",
    "x",
    "",
)


# Types

_Maker = Callable[[tuple[int, ...], str, int], Iterator[str]]


def _maker(base: str) -> _Maker | None:
    return _LITERALS.get(_without_schema(base))


def _without_schema(base: str) -> str:
    """A type's own name: an extension's types stand in whatever schema it was created in."""
    return base if base in _LITERALS else base.rpartition(".")[2]


def _text(size: tuple[int, ...], column: str, row: int) -> Iterator[str]:
    whole = f"{column}-{row}"
    # The row's number stands at the end, and must survive the cut: it is what tells rows apart.
    yield quote_literal(whole[-size[0] :] if size else whole)


def _char(_size: tuple[int, ...], _column: str, row: int) -> Iterator[str]:
    yield f"'{chr(96 + row)}'"


def _integer(_size: tuple[int, ...], column: str, row: int) -> Iterator[str]:
    # Columns differ by an offset that depends on the name alone, so that a mix-up of two columns shows.
    yield f"'{sum(column.encode()) % 89 * 10 + row}'"


def _numeric(size: tuple[int, ...], column: str, row: int) -> Iterator[str]:
    whole = size[0] - (size[1] if len(size) > 1 else 0) if size else 9
    number = sum(column.encode()) % 89 * 10 + row
    places = min(2, size[1]) if len(size) > 1 else 0 if size else 2
    fraction = f".{row:02d}"[: places + 1] if places > 0 else ""
    yield f"'{number % 10 ** max(whole, 0)}{fraction}'"


def _bits(size: tuple[int, ...], _column: str, row: int) -> Iterator[str]:
    width = size[0] if size else 1
    yield f"B'{row % 2**width:0{width}b}'"


def _varbits(size: tuple[int, ...], _column: str, row: int) -> Iterator[str]:
    bits = f"{row:b}"
    yield f"B'{bits[: size[0]] if size else bits}'"


def _uuid(_size: tuple[int, ...], column: str, row: int) -> Iterator[str]:
    yield f"md5({quote_literal(f'{column}-{row}')})"


def _vector(size: tuple[int, ...], _column: str, row: int) -> Iterator[str]:
    yield quote_literal(str([row] * (size[0] if size else 3)))


def _boolean(_size: tuple[int, ...], _column: str, row: int) -> Iterator[str]:
    yield from ("'true'", "'false'") if row % 2 else ("'false'", "'true'")


def _document(_size: tuple[int, ...], column: str, row: int) -> Iterator[str]:
    yield quote_literal(f'{{"{_in_json(column)}": {row}}}')


def _in_json(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _plain(*patterns: str) -> _Maker:
    """Literals made of the row's number.

    `{row}`; `{next}`, one more; `{ten}` and `{five}`, ten times the number and five more; `{day}` and `{later}`, days
    that no other row's lie between; `{hour}`; `{digit}`, a hexadecimal digit.
    """

    def make(_size: tuple[int, ...], column: str, row: int) -> Iterator[str]:
        day = date(2020, 1, 1) + timedelta(days=40 * row)
        words = {
            "row": row,
            "next": row + 1,
            "ten": 10 * row,
            "five": 10 * row + 5,
            "day": day,
            "later": day + timedelta(days=20),
            "hour": f"{row % 24:02d}",
            "digit": f"{row % 16:x}",
            "column": column,
        }
        for pattern in patterns:
            yield quote_literal(pattern.format(**words))

    return make


_LITERALS: dict[str, _Maker] = {
    **dict.fromkeys(("text", "character varying", "character", "bpchar", "name", "citext"), _text),
    '"char"': _char,
    **dict.fromkeys(
        ("smallint", "integer", "bigint", "oid", "real", "double precision", "money", "xid", "cid"), _integer
    ),
    "xid8": _integer,
    "numeric": _numeric,
    "bit": _bits,
    "bit varying": _varbits,
    "uuid": _uuid,
    **dict.fromkeys(("vector", "halfvec"), _vector),
    "boolean": _boolean,
    "date": _plain("{day}"),
    "time without time zone": _plain("{hour}:10:00"),
    "time with time zone": _plain("{hour}:10:00+00"),
    "timestamp without time zone": _plain("{day} {hour}:10:00"),
    "timestamp with time zone": _plain("{day} {hour}:10:00+00"),
    "interval": _plain("{row} days"),
    "json": _document,
    "jsonb": _document,
    "bytea": _plain(r"\x0{digit}"),
    "inet": _plain("10.0.0.{row}"),
    "cidr": _plain("10.0.{row}.0/24"),
    "macaddr": _plain("08:00:2b:01:02:0{digit}"),
    "macaddr8": _plain("08:00:2b:01:02:03:04:0{digit}"),
    "point": _plain("({ten},{ten})"),
    "line": _plain("{{1,1,{row}}}"),
    "lseg": _plain("[({ten},{ten}),({five},{five})]"),
    "box": _plain("(({ten},{ten}),({five},{five}))"),
    "path": _plain("[({ten},{ten}),({five},{five})]"),
    "polygon": _plain("(({ten},{ten}),({ten},{five}),({five},{five}))"),
    "circle": _plain("<({ten},{ten}),2>"),
    "tsvector": _plain("word{row}"),
    "tsquery": _plain("word{row}"),
    "xml": _plain("<row>{row}</row>"),
    "jsonpath": _plain("$.a{row}"),
    "pg_lsn": _plain("0/{digit}"),
    "tid": _plain("(0,{row})"),
    "pg_snapshot": _plain("{ten}:{five}:"),
    "txid_snapshot": _plain("{ten}:{five}:"),
    "int2vector": _plain("{row} {next}"),
    "oidvector": _plain("{row} {next}"),
    **dict.fromkeys(("regclass", "regtype", "regrole", "regnamespace"), _integer),
    **{f"{kind}range": _plain("[{ten},{five})") for kind in ("int4", "int8", "num")},
    "daterange": _plain("[{day},{later})"),
    "tsrange": _plain("[{day} 08:00,{later} 09:00)"),
    "tstzrange": _plain("[{day} 08:00+00,{later} 09:00+00)"),
    **{f"{kind}multirange": _plain("{{[{ten},{five})}}") for kind in ("int4", "int8", "num")},
    "datemultirange": _plain("{{[{day},{later})}}"),
    "tsmultirange": _plain("{{[{day} 08:00,{later} 09:00)}}"),
    "tstzmultirange": _plain("{{[{day} 08:00+00,{later} 09:00+00)}}"),
    "hstore": _plain('"{column}"=>"{row}"'),
    "ltree": _plain("a.b{row}"),
    "lquery": _plain("a.b{row}"),
    "cube": _plain("({ten},{five})"),
    "seg": _plain("{ten} .. {five}"),
    "isbn": _plain("978-0-393-04002-{digit}"),
    "geometry": _plain("POINT({row} {next})"),
    "geography": _plain("POINT({row} {next})"),
}

_ANYTHING = ("1", "a", "{}", "()", "1,1", "(1,1)", "2020-01-01", "[1,1]", "0", "")
"""For types that are not known."""


# As long, large and precise as a type takes, so that a revision that cuts, rounds or narrows shows it.


def _long_text(size: tuple[int, ...], column: str) -> str:
    whole = f" {column.upper()} Ärger-1.50 " + "lorem Ipsum " * 30
    return whole[: size[0] - 1] + "Z" if size else whole[:299] + "Z"


def _digits(size: tuple[int, ...], _column: str) -> str:
    if not size:
        return "12345678901234567890.123456789"
    scale = size[1] if len(size) > 1 else 0
    digits = ("9876543210" * (size[0] // 10 + 1))[: size[0]]
    return f"{digits[: size[0] - scale] or '0'}.{digits[size[0] - scale :]}" if scale > 0 else digits


def _deep_document(_size: tuple[int, ...], column: str) -> str:
    return f'{{"{_in_json(column)}": {{"list": [1, 2.50, null, "\u00c4"], "large": 9007199254740993, "none": {{}}}}}}'


_EXTREMES: dict[str, Callable[[tuple[int, ...], str], str]] = {
    **dict.fromkeys(("text", "character varying", "citext"), _long_text),
    "smallint": lambda _size, _column: "32123",
    "integer": lambda _size, _column: "2147480123",
    "bigint": lambda _size, _column: "9007199254740993",
    "numeric": _digits,
    "real": lambda _size, _column: "1234567.9",
    "double precision": lambda _size, _column: "12345678.901234567",
    "timestamp without time zone": lambda _size, _column: "2021-06-05 13:14:15.678901",
    "timestamp with time zone": lambda _size, _column: "2021-06-05 13:14:15.678901+00",
    "time without time zone": lambda _size, _column: "13:14:15.678901",
    "time with time zone": lambda _size, _column: "13:14:15.678901+05:30",
    "interval": lambda _size, _column: "1 mon 2 days 03:04:05.678901",
    "money": lambda _size, _column: "12345678.91",
    "bytea": lambda _size, _column: rf"\x{bytes(range(256)).hex()}",
    **dict.fromkeys(("json", "jsonb"), _deep_document),
    "inet": lambda _size, _column: "10.20.30.40/12",
    "numrange": lambda _size, _column: "[1000.125,1000.875)",
    "tsrange": lambda _size, _column: "[2021-06-05 13:14:15.678901,2021-06-06 13:14:15.678901)",
    "tstzrange": lambda _size, _column: "[2021-06-05 13:14:15.678901+00,2021-06-06 13:14:15.678901+00)",
    **{f"{kind}multirange": lambda _size, _column: "{[1001,1003),[1005,1008)}" for kind in ("int4", "int8", "num")},
    "datemultirange": lambda _size, _column: "{[2021-06-05,2021-06-07),[2021-06-10,2021-06-12)}",
    "tsmultirange": lambda _size, _column: "{[2021-06-05 13:14:15.678901,2021-06-06),[2021-06-10,2021-06-12)}",
    "tstzmultirange": lambda _size, _column: (
        "{[2021-06-05 13:14:15.678901+00,2021-06-06 00:00+00),[2021-06-10 00:00+00,2021-06-12 00:00+00)}"
    ),
    "hstore": lambda _size, column: f'"{_in_json(column)}"=>"Z", "other"=>NULL',
}
