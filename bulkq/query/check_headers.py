"""The conditions of a check: `@expect`, `@warn`, `@fail`, and the lines that go with them.

    empty | not empty
    rows OP n | rows between a and b
    value OP x | value between a and b
    columns = (id bigint, name, ...)
    same as NAME [on TARGET]
    [rows | value] unchanged [5%]

OP is one of = <> < <= > >=. What a condition means of an answer is decided by `bulkq.checks.verdict`.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from bulkq.model.check_conditions import CheckRules, Condition, Measure
from bulkq.text.late_pattern import compile_late
from bulkq.text.message_parts import find_nearest, quoted

if TYPE_CHECKING:
    from bulkq.model import Query

OPERATORS = ("=", "<>", "<", "<=", ">", ">=")
SPELLED_ELSEWHERE = {"!=": "<>", "==": "=", "=>": ">=", "=<": "<=", "is": "=", "equals": "=", "in": "between"}
STARTS = ("empty", "not", "rows", "value", "columns", "same", "unchanged")
FORMS = 'write "empty", "not empty", "rows <= 10", "value between 0 and 1", "columns = (id bigint)", "same as NAME" or "unchanged 5%"'
MOST_SAMPLE = 1_000
"""Rows that a report may show of one check: a person reads them, in a browser or a CI log."""

_NUMBER = compile_late(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,4})?", re.ASCII)
_COMPARED = compile_late(r"(rows|value)\b\s*(<=|>=|<>|!=|==|=>|=<|=|<|>|[^\W\d]\w*)\s*(.*)", re.IGNORECASE | re.DOTALL)
_BETWEEN = compile_late(r"(\S+)\s+and\s+(\S+)", re.IGNORECASE)
_COLUMNS = compile_late(r"columns\s*=\s*\((.*)\)", re.IGNORECASE | re.DOTALL)
_SAME = compile_late(r"same\s+as\s+(\S+)(?:\s+on\s+(\S+))?", re.IGNORECASE)
_UNCHANGED = compile_late(r"(?:(rows|value)\s+)?unchanged(?:\s+(\S+?)\s*%)?", re.IGNORECASE)
_COLUMN = compile_late(r'("(?:[^"]|"")+"|[^\W\d][\w$]*)(?:\s+(.+))?', re.DOTALL)
_STRING = compile_late(r"'((?:[^']|'')*)'")
_WORD = compile_late(r"[^\s=<>!(]+")


def parse_condition(text: str) -> Condition:
    """The condition that `text` is.

    Raises:
        ValueError: it is not a condition; one line that quotes it and says what to write.
    """
    written = text.strip() if "'" in text else " ".join(text.split())  # blanks in a literal count
    first = _WORD.match(written)
    word = first[0].lower() if first else ""
    if written.lower() in {"empty", "not empty"}:
        return Condition(written.lower(), Measure.ROWS, "=" if word == "empty" else "<>", Decimal(0))
    unchanged = _UNCHANGED.fullmatch(written)
    if unchanged:
        return _unchanged(written, unchanged[1], unchanged[2])
    compared = _COMPARED.fullmatch(written)
    if compared:
        return _compared(Measure(compared[1].lower()), compared[2].lower(), compared[3], written)
    if word == "columns":
        return _columns(written)
    if word == "same":
        return _same(written)
    guess = find_nearest(word, STARTS)
    meant = f" (did you mean {quoted('not empty' if guess == 'not' else guess)}?)" if guess and guess != word else ""
    raise ValueError(f"{quoted(written)} is not a condition{meant}: {FORMS}")


def parse_until(text: str) -> date:
    """The last day of `@until`.

    Raises:
        ValueError: it is not a date.
    """
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f'{quoted(text)} is not a date: write it like "2026-12-31"') from None


def parse_sample(text: str) -> int:
    """The rows of `@sample`.

    Raises:
        ValueError: no number of rows that a report could show.
    """
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or int(text) > MOST_SAMPLE:
        raise ValueError(f"{quoted(text)} is not a whole number from 0 to {MOST_SAMPLE}")
    return int(text)


def parse_mask(text: str) -> tuple[str, ...]:
    """The columns of `@mask`.

    Raises:
        ValueError: one is missing between two commas.
    """
    found = tuple(_unquoted(name.strip()) for name in text.split(","))
    if not all(found):
        raise ValueError(f'{quoted(text)} contains an empty name: write "email, phone"')
    return found


def read_rules(query: Query) -> CheckRules:
    """The conditions in the header of `query`; a query from `load` has no errors left."""
    said = query.metadata
    return CheckRules(
        expect=tuple(map(parse_condition, said.get("expect", ()))),
        warn=tuple(map(parse_condition, said.get("warn", ()))),
        fail=tuple(map(parse_condition, said.get("fail", ()))),
        until=parse_until(said["until"][0]) if "until" in said else None,
        sample=parse_sample(said["sample"][0]) if "sample" in said else CheckRules().sample,
        mask=tuple(dict.fromkeys(name for line in said.get("mask", ()) for name in parse_mask(line))),
        params=said.get("params", ()),
    )


def _compared(measure: Measure, operator: str, rest: str, written: str) -> Condition:
    if operator == "between":
        return _between(measure, rest, written)
    if operator not in OPERATORS:
        guess = SPELLED_ELSEWHERE.get(operator) or find_nearest(operator, ("between", "unchanged"))
        meant = f" (did you mean {quoted(guess)}?)" if guess else ""
        raise ValueError(
            f"{quoted(written)}: {quoted(operator)} is not a comparison operator{meant}: use {', '.join(OPERATORS)} or between"
        )
    operand = _operand(measure, rest.strip(), written)
    if not isinstance(operand, Decimal) and operator not in {"=", "<>"}:
        raise ValueError(f"{quoted(written)}: {operator} only compares numbers: use = or <>")
    return Condition(written, measure, operator, operand)


def _between(measure: Measure, rest: str, written: str) -> Condition:
    both = _BETWEEN.fullmatch(rest.strip())
    if not both:
        raise ValueError(f'{quoted(written)}: write "{measure} between 1 and 5"')
    low, high = _number(measure, both[1], written), _number(measure, both[2], written)
    if low > high:
        raise ValueError(f"{quoted(written)}: no value is between {low} and {high}: write the smaller number first")
    return Condition(written, measure, "between", low, high)


def _operand(measure: Measure, text: str, written: str) -> Decimal | str | bool:
    literal = _STRING.fullmatch(text)
    if measure is Measure.VALUE and literal:
        return literal[1].replace("''", "'")
    if measure is Measure.VALUE and text.lower() in {"true", "false"}:
        return text.lower() == "true"
    return _number(measure, text, written)


def _number(measure: Measure, text: str, written: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        others = ", a 'text', true or false" if measure is Measure.VALUE else ""
        raise ValueError(
            f"{quoted(written)}: {quoted(text)} is not a number: write a number{others} after the operator"
        )
    number = Decimal(text)
    if measure is Measure.ROWS and (number < 0 or number != number.to_integral_value()):
        raise ValueError(f"{quoted(written)}: {quoted(text)} is not a number of rows: write a whole number, 0 or more")
    return number


def _columns(written: str) -> Condition:
    found = _COLUMNS.fullmatch(written)
    items = [_COLUMN.fullmatch(item.strip()) for item in _split(found[1])] if found else []
    if not items or not all(items):
        raise ValueError(f'{quoted(written)}: write "columns = (id bigint, name text)", the types are optional')
    columns = tuple((_unquoted(item[1]), (item[2] or "").strip().lower()) for item in items if item)
    long = next((kind for _, kind in columns if "(" in kind), None)
    if long is not None:
        raise ValueError(f"{quoted(long)}: databases do not report the lengths of result columns: remove the length")
    return Condition(written, Measure.COLUMNS, columns=columns)


def _split(listed: str) -> list[str]:
    """Cut at commas outside parentheses and quotes: `a numeric(10, 2), "b,c"` has two items."""
    items, depth, inside = [""], 0, False
    for char in listed:
        inside ^= char == '"'
        depth += 0 if inside else (char == "(") - (char == ")")
        if char == "," and not inside and not depth:
            items.append("")
        else:
            items[-1] += char
    return items


def _unquoted(name: str) -> str:
    if len(name) > 2 and name[0] == name[-1] == '"':
        return name[1:-1].replace('""', '"')
    return name


def _same(written: str) -> Condition:
    found = _SAME.fullmatch(written)
    if not found:
        raise ValueError(f'{quoted(written)}: write "same as NAME", or "same as NAME on TARGET"')
    return Condition(written, Measure.SAME, other=found[1], target=found[2] or "")


def _unchanged(written: str, measured: str | None, percent: str | None) -> Condition:
    if percent is not None and not (_NUMBER.fullmatch(percent) and Decimal(percent) >= 0):
        raise ValueError(f'{quoted(written)}: {quoted(percent)} is not a percentage: write "unchanged 5%"')
    of = Measure(measured.lower()) if measured else None
    return Condition(written, Measure.UNCHANGED, "=", Decimal(percent or 0), of=of)
