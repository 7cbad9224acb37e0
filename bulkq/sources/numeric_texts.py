"""Values of no declared type for SQLite, where a number and its text are two values beside an expression.

The text of CSV, TSV and `--param` is bound as the number that it spells, as the parameters of the `sqlite3` shell are, but
only where the text of that number is the same again. A column of text, whose affinity makes text of a number, then
stores and finds what is in the file: `007`, `1e3` and `+5` stay text. https://sqlite.org/datatype3.html#type_affinity
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from bulkq.model.text_or_number import TextOrNumber
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bulkq.model import Query

    Scalar = Callable[[str], object]

SMALLEST, LARGEST = -(2**63), 2**63 - 1
DIGITS = 15
"""Significant digits that SQLite writes of a real, and that every double of them keeps."""

CANONICAL = compile_late(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?")
DECIMAL = compile_late(r"\s*(?:numeric|decimal|dec|number)\s*(?:\(.*\))?\s*", re.IGNORECASE)
NUMBER = compile_late(r"\s*[-+]?(?:[0-9]+(\.[0-9]*)?|(\.[0-9]+))([eE][-+]?[0-9]+)?\s*", re.ASCII)


def choose_scalars(query: Query, *, mixed: bool = False) -> Mapping[str, Scalar]:
    """How each parameter of `query` makes a value of a text; a parameter that is not there keeps the text, or has a type.

    `mixed`: other targets of the run take text, so the values are both.
    """
    if not query.parameters:
        return {}
    from bulkq.query import Operand, find_operands  # only a database with dynamic types asks

    met = find_operands(query) if any(p.type is None for p in query.parameters) else {}
    found: dict[str, Scalar] = {}
    for parameter in query.parameters:
        kinds = met.get(parameter.name, frozenset())
        if parameter.type is not None:
            if DECIMAL.fullmatch(parameter.type):
                found[parameter.name] = parse_numeric
        elif Operand.TEXT not in kinds:
            found[parameter.name] = parse_strict if kinds == {Operand.NUMBER} else parse_canonical
    return {name: _spelled(scalar) for name, scalar in found.items()} if mixed else found


def _spelled(scalar: Scalar) -> Scalar:
    def spelled(text: str) -> object:
        number = scalar(text)
        return TextOrNumber(text, number) if isinstance(number, int | float) else text

    return spelled


def parse_canonical(text: str) -> object:
    """The number whose text in SQLite is `text`, or `text`."""
    found = CANONICAL.fullmatch(text)
    if found is None:
        return text
    if found[1] is None:
        number = int(text) if len(text) <= len(str(SMALLEST)) else LARGEST + 1
        return number if SMALLEST <= number <= LARGEST and text != "-0" else text
    real = float(text)
    digits = len(text.lstrip("-0.").replace(".", ""))
    return real if digits <= DIGITS and repr(real) == text and text != "-0.0" else text


def parse_strict(text: str) -> object:
    """The number that `text` is, for a parameter that is compared with nothing but numbers.

    Raises:
        ValueError: it is not a number, and would compare greater than every number.
    """
    number = _number(text)
    if number is None:
        raise ValueError("is not a number, but is compared with one: correct it, or declare the parameter as text")
    return number


def parse_numeric(text: str) -> object:
    """The number that `text` is, for a parameter that is declared as `numeric`.

    Raises:
        ValueError: it is none.
    """
    number = _number(text)
    if number is None:
        raise ValueError("is not a number")
    return number


def _number(text: str) -> float | None:
    """Whatever spells a number in SQL, but for hexadecimal; a real where it is beyond 64 bits."""
    found = NUMBER.fullmatch(text)
    if found is None:
        return None
    if not any(found.groups()) and len(text) < DIGITS * 2 and SMALLEST <= int(text) <= LARGEST:
        return int(text)
    real = float(text)
    return real if math.isfinite(real) else None


def parse_integers(values: Sequence[object]) -> Sequence[object] | None:
    """A column whose texts are integers as SQLite writes them, as integers; None if one of them is not an integer."""
    try:
        numbers = list(map(int, values))  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return None
    fits = list(map(str, numbers)) == list(values) and min(numbers) >= SMALLEST and max(numbers) <= LARGEST
    return numbers if fits else None
