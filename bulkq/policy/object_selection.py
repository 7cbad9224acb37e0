"""The expressions of `--select`: `dead > 10% and size > 1GB`, `not (age < 150M or last_vacuum < 7d)`. Pure.

A number that is not known makes a comparison unknown, as NULL does in SQL; an object is selected if the whole is true.
"""

from __future__ import annotations

import operator
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.model.frozen_dataclass import frozen
from bulkq.text.late_pattern import compile_late
from bulkq.text.message_parts import quoted, suggestion_or_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bulkq.model.maintenance import ObjectFacts

BYTES = {"b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3, "tb": 1024**4}
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
NUMBERS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
PERCENT = "%"

FORMS: Mapping[str, tuple[Mapping[str, int], str]] = {
    "bytes": (BYTES, "1GB"),
    "seconds": (SECONDS, "7d"),
    "number": (NUMBERS, "1000 or 150M"),
    "percent": ({PERCENT: 1}, "10%"),
}
"""What a value counts: its units, and an example."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "size": ("bytes",),
    "dead": ("number", "percent"),
    "rows": ("number",),
    "bloat": ("bytes", "percent"),
    "age": ("number",),
    "mxid_age": ("number",),
    "last_vacuum": ("seconds",),
    "last_analyze": ("seconds",),
    "name": (),
    "schema": (),
    "table": (),
}
"""Every column, and what it may be compared with; () for a text, which is compared with a pattern."""

OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
    "<>": operator.ne,
}

_TOKEN = compile_late(
    r"""\s*(?:(?P<text>'(?:[^']|'')*')|(?P<value>\.?\d[\d_.]*(?:\s*(?!(?:and|or)\b)(?:[a-z]+|%))?)"""
    r"|(?P<word>[a-z_]\w*)|(?P<sign><=|>=|<>|!=|[<>=()]))",
    re.ASCII | re.IGNORECASE,
)
_VALUE = compile_late(r"(\d[\d_]*(?:\.\d+)?|\.\d+)\s*([a-zA-Z%]*)", re.ASCII)


@frozen
class Comparison:
    """A column, an operator and a value. `form` is what the value counts; "" for a text."""

    column: str
    sign: str
    value: float | str
    form: str = ""


@frozen
class Junction:
    """Conditions of which all must hold (`every`), or one."""

    every: bool
    conditions: tuple[Condition, ...]


@frozen
class Negation:
    """A condition that must not hold."""

    condition: Condition


Condition = Comparison | Junction | Negation


def parse_selection(text: str) -> Condition:
    """Parse an expression of `--select`.

    Raises:
        UsageError: one line with the column of the mistake, and what may stand there.
    """
    return _SelectionParser(text).parse()


def columns_of(condition: Condition) -> frozenset[str]:
    """The columns that a condition reads."""
    if isinstance(condition, Comparison):
        return frozenset({condition.column})
    if isinstance(condition, Negation):
        return columns_of(condition.condition)
    return frozenset().union(*map(columns_of, condition.conditions))


def selects(condition: Condition, facts: ObjectFacts) -> bool:
    """Whether a condition is true for an object. One that is unknown, because a number is, is not true."""
    return _holds(condition, facts) is True


def _holds(condition: Condition, facts: ObjectFacts) -> bool | None:
    if isinstance(condition, Comparison):
        return _compare(condition, facts)
    if isinstance(condition, Negation):
        inner = _holds(condition.condition, facts)
        return None if inner is None else not inner
    found = [_holds(one, facts) for one in condition.conditions]
    if (not condition.every) in found:
        return not condition.every
    return None if None in found else condition.every


def _compare(wanted: Comparison, facts: ObjectFacts) -> bool | None:
    if isinstance(wanted.value, str):
        names = {
            "name": facts.object.name,
            "schema": facts.object.schema,
            "table": facts.object.table.rpartition(".")[2],
        }
        return fnmatchcase(names[wanted.column], wanted.value) == (wanted.sign == "=")
    value = facts.values.get(wanted.column + (PERCENT if wanted.form == "percent" else ""))
    return None if value is None else OPERATORS[wanted.sign](value, wanted.value)


@frozen
class _SelectionToken:
    """A word of an expression, its kind, and the column where it stands."""

    kind: str  # text, value, word, sign, end
    text: str
    at: int  # column, from 1


class _SelectionParser:
    """A parser by recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split()
        self._next = 0

    def parse(self) -> Condition:
        """The condition of the whole text."""
        found = self._alternatives()
        token = self._token
        if token.kind != "end":
            raise self._wrong(token, f'{quoted(token.text)} is not expected: write "and" or "or" between conditions')
        return found

    @property
    def _token(self) -> _SelectionToken:
        return self._tokens[self._next]

    def _split(self) -> list[_SelectionToken]:
        tokens: list[_SelectionToken] = []
        at = 0
        text = self._text.rstrip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if found is None:
                rest = text[at:].lstrip()
                token = _SelectionToken("sign", rest[:1], len(text) - len(rest) + 1)
                raise self._wrong(token, f"{quoted(token.text)} is not expected: write COLUMN > VALUE")
            kind = str(found.lastgroup)
            tokens.append(_SelectionToken(kind, found[kind], found.start(kind) + 1))
            at = found.end()
        return [*tokens, _SelectionToken("end", "", len(text) + 1)]

    def _alternatives(self) -> Condition:
        return self._joined("or", self._requirements)

    def _requirements(self) -> Condition:
        return self._joined("and", self._factor)

    def _joined(self, word: str, inner: Callable[[], Condition]) -> Condition:
        found = [inner()]
        while self._took("word", word):
            found.append(inner())
        return found[0] if len(found) == 1 else Junction(word == "and", tuple(found))

    def _factor(self) -> Condition:
        if self._took("word", "not"):
            return Negation(self._factor())
        opened = self._token
        if self._took("sign", "("):
            inner = self._alternatives()
            if not self._took("sign", ")"):
                raise self._wrong(self._token, f"the parenthesis of column {opened.at} is not closed: add )")
            return inner
        return self._comparison()

    def _took(self, kind: str, text: str) -> bool:
        if self._token.kind != kind or self._token.text.lower() != text:
            return False
        self._next += 1
        return True

    def _take(self) -> _SelectionToken:
        token = self._token
        self._next += token.kind != "end"
        return token

    def _comparison(self) -> Comparison:
        column, sign, value = self._take(), self._take(), self._take()
        name = column.text.lower()
        if column.kind != "word":
            raise self._wrong(column, f"a condition is missing: write for example dead > 10% ({self._names()})")
        if name not in COLUMNS:
            raise self._wrong(column, f"unknown column {quoted(column.text)}{suggestion_or_names(name, COLUMNS)}")
        forms = COLUMNS[name]
        signs = tuple(OPERATORS) if forms else ("=", "!=", "<>")
        if sign.kind != "sign" or sign.text not in signs:
            raise self._wrong(
                sign, f"{name} is compared by {', '.join(signs)}: write {name} {signs[-3]} {_example(forms)}"
            )
        if not forms:
            if value.kind != "text":
                raise self._wrong(value, f"{name} is compared with a pattern in quotes: write {name} = 'log_*'")
            return Comparison(name, sign.text, value.text[1:-1].replace("''", "'"))
        number, form = self._value(name, value)
        return Comparison(name, sign.text, number, form)

    def _value(self, name: str, token: _SelectionToken) -> tuple[float, str]:
        forms = COLUMNS[name]
        found = _VALUE.fullmatch(token.text.strip()) if token.kind == "value" else None
        if found is None:
            raise self._wrong(
                token, f"{name} is compared with {_example(forms)}: {quoted(token.text)} is not such a value"
            )
        unit = found[2].lower()
        for form in forms:
            units, _ = FORMS[form]
            if unit in units:
                return float(found[1].replace("_", "")) * units[unit], form
        what = f"unit {quoted(found[2])}" if unit else "a value without a unit"
        raise self._wrong(token, f"{name} is compared with {_example(forms)}, not with {what}")

    def _names(self) -> str:
        return f"columns are {', '.join(COLUMNS)}"

    def _wrong(self, token: _SelectionToken, why: str) -> UsageError:
        return UsageError(f"--select {quoted(self._text)}: column {token.at}: {why}")


def _example(forms: tuple[str, ...]) -> str:
    return " or ".join(FORMS[form][1] for form in forms) if forms else "'log_*'"
