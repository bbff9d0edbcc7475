"""The one form in which the server's own spelling of an expression is not stable, and what to do about it.

`a IN ('x', 'y')` on a varchar is stored as a comparison of text with an array cast as a whole, and deparses to
`((a)::text = ANY ((ARRAY['x'::character varying, …])::text[]))`. Parsed again, the cast is pushed into the elements,
and from then on the text stays as it is. So the two spellings mean the same (`normalize_expression`), and to get the
first one back, the cast has to be left to the server (`replayable_expression`).
"""

from __future__ import annotations

import re

_ARRAY = "(ARRAY["
_CAST = re.compile(r"\]\)::([\w\s.\"]+?(?:\(\d+(?:,\s*\d+)?\))?)\[\]")
_COMPARED = re.compile(r"(?:= ANY|<> ALL|[<>=~!*]+ (?:ANY|ALL)) \(\Z")


def normalize_expression(text: str) -> str:
    """The text with every cast of a whole array pushed into its elements, for comparing."""
    return _rewrite(text, lambda _, elements, cast: f"ARRAY[{', '.join(f'({e})::{cast}' for e in elements)}]")


def replayable_expression(text: str) -> str:
    """The text that deparses to itself when it is sent to the server."""

    def without_cast(before: str, elements: list[str], cast: str) -> str:
        array = f"ARRAY[{', '.join(elements)}]"
        if cast == "text" and _COMPARED.search(before) and all(_is_varchar(element) for element in elements):
            return array
        return f"({array})::{cast}[]"

    return _rewrite(text, without_cast)


def _is_varchar(element: str) -> bool:
    return re.search(r"'::character varying\Z", element) is not None


def _rewrite(text: str, spell: object) -> str:
    if _ARRAY not in text:
        return text
    assert callable(spell)
    result, position = "", 0
    while (start := text.find(_ARRAY, position)) >= 0:
        elements, end = _elements(text, start + len(_ARRAY))
        cast = _CAST.match(text, end)
        if cast is None:
            result += text[position : start + len(_ARRAY)]
            position = start + len(_ARRAY)
            continue
        result += text[position:start]
        result += spell(result, elements, cast[1])
        position = cast.end()
    return result + text[position:]


def _elements(text: str, start: int) -> tuple[list[str], int]:
    """Split what stands in the brackets at its own commas; give the place of the closing bracket."""
    elements, depth, quote, begin = [], 0, "", start
    for index in range(start, len(text)):
        character = text[index]
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "([":
            depth += 1
        elif character == "]" and depth == 0:
            elements.append(text[begin:index].strip())
            return elements, index
        elif character in ")]":
            depth -= 1
        elif character == "," and depth == 0:
            elements.append(text[begin:index].strip())
            begin = index + 1
    return elements, len(text)
