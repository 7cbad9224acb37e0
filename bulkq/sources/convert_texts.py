"""Convert text from files to the values that a target accepts, a column at a time.

Two kinds of targets: those that convert text themselves get `str | None`; the others get Python values, and text
becomes a number, a truth value or bytes only where the query declares such a type. Nothing is guessed from the content.
"""

from __future__ import annotations

import math
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING

from bulkq.model import PlaceholderKind
from bulkq.sources import convert_native_values
from bulkq.sources.json_codec import json_text, make_decoder
from bulkq.sources.numeric_texts import parse_canonical, parse_integers, parse_strict
from bulkq.text.json_text import JsonNumber
from bulkq.text.mask import MASK
from bulkq.text.message_parts import a_or_an, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkq.model import Parameter

    Column = Sequence[object]
    Converter = Callable[[Column], Column]

SMALLEST, LARGEST = -(2**63), 2**63 - 1
INTEGERS = frozenset(["int", "integer", "bigint", "smallint", "tinyint", "mediumint", "int2", "int4", "int8"])
REALS = frozenset(["real", "double", "double precision", "float", "float4", "float8"])
BOOLEANS = frozenset(["bool", "boolean"])
BINARIES = frozenset(["bytea", "blob", "binary", "varbinary"])
TRUE_FALSE = {
    **dict.fromkeys(["t", "true", "y", "yes", "on", "1"], 1),
    **dict.fromkeys(["f", "false", "n", "no", "off", "0"], 0),
}


class ConversionError(ValueError):
    """Values that cannot be converted: `found` has the position in the column and a sentence about each."""

    def __init__(self, found: list[tuple[int, str]]) -> None:
        """Keep `found`, which is not empty."""
        super().__init__(found[0][1])
        self.found = found


def choose_converter(
    parameter: Parameter,
    *,
    text: bool,
    plain: bool,
    typed: bool = False,
    loose: Callable[[str], object] | None = None,
) -> Converter | None:
    """What turns a column of scalars into values for `parameter`; None where they are right as they come.

    Args:
        parameter: its kind and its declared type decide.
        text: the target converts text itself.
        plain: the columns hold `str | None` only (CSV), not JSON or database values.
        typed: the columns hold Python values of the file's own types (Parquet).
        loose: what makes a value of a text where no type is declared, see `bulkq.sources.numeric_texts`; None keeps the text.
    """
    if parameter.kind is PlaceholderKind.LIST:
        one = _array_text if text else _lists(_scalar(parameter.type))
        return lambda values: _each(one, values, secret=parameter.secret)
    if parameter.kind is PlaceholderKind.IDENTIFIER:
        return None if plain else _names
    if text:
        return None if plain else partial(_texts, convert_native_values.as_text if typed else _text)
    scalar = _scalar(parameter.type)
    if typed:
        return None if scalar is None else _typed(scalar, str(parameter.type), secret=parameter.secret)
    if scalar is None and plain:
        return None if loose is None else _loosely(loose, secret=parameter.secret)
    if scalar is None:
        return _natives
    return _converted(scalar, secret=parameter.secret)


def convert_default(parameter: Parameter, loose: Callable[[str], object] | None = None) -> Converter | None:
    """What turns a text default into a Python value for `parameter`; the values of the Python API stay as they are."""
    return choose_converter(parameter, text=False, plain=True, loose=loose)


def array_literal(values: Sequence[object]) -> str:
    """A PostgreSQL array literal: `{1,2,"a b",NULL}`."""
    return "{" + ",".join(map(_element, values)) + "}"


_load_exact = make_decoder(JsonNumber).decode
_load_native = make_decoder(None).decode


def _element(value: object) -> str:
    if value is None:
        return "NULL"
    text = str(_text(value))
    if isinstance(value, JsonNumber) or (text and text.upper() != "NULL" and not set('{},"\\ \t\n\r\v\f') & set(text)):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _text(value: object) -> str | None:
    """`value` as text that every target understands."""
    if value is None or type(value) is str:
        return value
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json_text(value)
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    return str(value)


def _texts(write: Callable[[object], object], values: Column) -> Column:
    if set(map(type, values)) <= {str, type(None)}:
        return values
    return _each(write, values)


def _typed(scalar: Callable[[str], object], declared: str, *, secret: bool) -> Converter:
    one = convert_native_values.check_native_value(scalar, a_or_an(declared))
    return lambda values: _each(one, values, secret=secret)


def _names(values: Column) -> Column:
    """Return text as it is, for it is a name. Other values keep their type, so that their text is not taken for a name."""
    if set(map(type, values)) <= {str, type(None)}:
        return values
    return _each(_as_it_is, values)


def _as_it_is(value: object) -> object:
    return _load_native(json_text(value)) if isinstance(value, JsonNumber | dict | list) else value


def _natives(values: Column) -> Column:
    kinds = set(map(type, values))
    if kinds <= {str, int, type(None)} or (kinds == {float} and all(map(math.isfinite, values))):  # type: ignore[arg-type]
        return values
    return _each(_native, values)


def _native(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, dict | list):
        text = json_text(value)
        if "Infinity" in text and not _all_finite(value):
            raise ValueError("holds a number that is too large")
        return text
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("is not a finite number")
    return value


def _all_finite(value: object) -> bool:
    """Whether every number inside what came out of JSON is one."""
    if isinstance(value, dict):
        return all(map(_all_finite, value.values()))
    if isinstance(value, list):
        return all(map(_all_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _each(function: Callable[[object], object], values: Column, *, secret: bool = False) -> Column:
    """`function` over `values`, with every refusal collected: a ValueError that reads on after the value."""
    out: list[object] = []
    found: list[tuple[int, str]] = []
    for position, value in enumerate(values):
        try:
            out.append(function(value))
        except ValueError as error:
            found.append((position, f"{_seen(value, secret=secret)} {error}"))
        except RecursionError:
            found.append((position, "the value is nested too deeply"))
    if found:
        raise ConversionError(found)
    return out


def _seen(value: object, *, secret: bool) -> str:
    if secret:
        return MASK
    return "NULL" if value is None else quoted(_text(value))


def _converted(scalar: Callable[[str], object], *, secret: bool) -> Converter:
    """Texts go through `scalar`, the rest as it is; whole columns of clean integers take the short way."""

    def one(value: object) -> object:
        return scalar(value) if isinstance(value, str) else _native(value)

    def convert(values: Column) -> Column:
        if scalar.__name__ == _INTEGER and set(map(type, values)) == {str}:
            try:
                numbers = list(map(int, values))  # type: ignore[arg-type]
            except ValueError:
                return _each(one, values, secret=secret)
            digits = "".join(values)  # type: ignore[arg-type]
            if digits.isascii() and "_" not in digits and min(numbers) >= SMALLEST and max(numbers) <= LARGEST:
                return numbers
        return _each(one, values, secret=secret)

    return convert


def _loosely(scalar: Callable[[str], object], *, secret: bool) -> Converter:
    """Texts go through `scalar`; whole columns of clean integers take the short way."""

    def one(value: object) -> object:
        return scalar(value) if isinstance(value, str) else value

    if scalar not in {parse_canonical, parse_strict}:
        return lambda values: _each(one, values, secret=secret)
    return lambda values: parse_integers(values) or _each(one, values, secret=secret)


def _scalar(declared: str | None) -> Callable[[str], object] | None:
    """The conversion from text to the `declared` type; None where text stays text."""
    if declared is None:
        return None
    kind = " ".join(declared.lower().removesuffix("[]").partition("(")[0].split())
    for names, make in ((INTEGERS, _integer), (REALS, _real), (BOOLEANS, _boolean), (BINARIES, _binary)):
        if kind in names:
            return make(a_or_an(kind))
    return None


_INTEGER = "integer"


def _integer(noun: str) -> Callable[[str], object]:
    def integer(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise ValueError(f"is not {noun}") from None
        if "_" in text or not text.isascii():
            raise ValueError(f"is not {noun}")
        if not SMALLEST <= number <= LARGEST:
            raise ValueError("is out of range for 64 bits")
        return number

    return integer


def _real(noun: str) -> Callable[[str], object]:
    def real(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            raise ValueError(f"is not {noun}") from None
        if "_" in text or not text.isascii() or not math.isfinite(number):
            raise ValueError(f"is not {noun}")
        return number

    return real


def _boolean(noun: str) -> Callable[[str], object]:
    def boolean(text: str) -> int:
        found = TRUE_FALSE.get(text.strip().lower())
        if found is None:
            raise ValueError(f"is not {noun}: write true or false")
        return found

    return boolean


def _binary(noun: str) -> Callable[[str], object]:
    def binary(text: str) -> bytes:
        try:
            if text.startswith("\\x"):
                return bytes.fromhex(text[2:])
        except ValueError:
            pass
        raise ValueError(f"is not {noun}: write \\x and hexadecimal digits")

    return binary


def _array_text(value: object) -> str:
    """A list, its JSON text, or what already is an array literal (as `--failures` and a database write it)."""
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        if value == "{}":
            raise ValueError("is an empty list")
        return value
    return array_literal(_list(value, _load_exact))


def _lists(scalar: Callable[[str], object] | None) -> Callable[[object], object]:
    """To lists whose texts go through `scalar`."""

    def one(value: object) -> object:
        values = _list(value, _load_native)
        return [scalar(v) if scalar and isinstance(v, str) else _native(v) for v in values]

    return one


def _list(value: object, load: Callable[[str], object]) -> list[object]:
    loaded: object = value
    if isinstance(value, str):
        try:
            loaded = load(value)
        except (ValueError, RecursionError):
            loaded = None
    if not isinstance(loaded, list):
        raise ValueError("is not a list: write a JSON array such as [1,2]")  # noqa: TRY004 - all refusals are of one kind
    if not loaded:
        raise ValueError("is an empty list")
    if any(isinstance(v, str) and "\0" in v for v in loaded):
        raise ValueError("holds a NUL character, which no database accepts in text")
    return loaded


def constant_column(value: object, count: int) -> Column:
    """`count` times `value`, without holding it `count` times."""
    return repeat(value, count)  # type: ignore[return-value]
