"""The verdict of a check: from what was measured to pass, warn, fail or error.

If a condition cannot be evaluated, the verdict is an error, whatever the result of the others.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import TYPE_CHECKING

from bulkq.model import Verdict
from bulkq.model.check_conditions import CheckRules, Condition, Measure
from bulkq.model.frozen_dataclass import frozen
from bulkq.text import characters
from bulkq.text.mask import MASK
from bulkq.text.message_parts import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from bulkq.model import Column, PastCheck

EMPTY = Condition("empty", Measure.ROWS, "=", Decimal(0))
"""What holds where a check says nothing: its rows are the offenders."""

TRUE = frozenset({"t", "true", "1"})
FALSE = frozenset({"f", "false", "0"})
SHOWN = 80
"""Characters of a value in a message; the report has more of it."""

ALIASES = {
    "int": "integer",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "serial": "integer",
    "bigserial": "bigint",
    "bool": "boolean",
    "float": "double precision",
    "float4": "real",
    "float8": "double precision",
    "double": "double precision",
    "decimal": "numeric",
    "varchar": "character varying",
    "char": "character",
    "bpchar": "character",
    "timestamptz": "timestamp with time zone",
    "timestamp": "timestamp without time zone",
    "timetz": "time with time zone",
    "time": "time without time zone",
    "varbit": "bit varying",
}
"""Other names of types, as PostgreSQL's manual lists them (8, table 8.1)."""

NUMBERS = frozenset(
    {
        *("smallint", "integer", "bigint", "numeric", "real", "double precision"),
        *("tinyint", "mediumint", "hugeint", "number", "utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"),
    }
)
"""Types whose values are numbers, of PostgreSQL and of the others."""

FLIPS = 2
"""Changes between good and bad from which on a check counts as flaky."""


@frozen
class ComparisonResult:
    """The result of comparing a check's rows with others."""

    other: str  # for people: `totals on replica`
    same: bool
    here: int | None = None  # rows that only the check has; None where they could not be counted
    there: int | None = None
    columns: int | None = None  # how many columns the other has, where the number is not the same
    rows: int = 0  # that the other has
    at_least: bool = False  # `here` and `there` were not counted to the end


@frozen
class Measurement:
    """The measured result of a check's query."""

    rows: int
    columns: tuple[Column, ...]
    value: str | None = None  # of the first column of the first row, as text; None: NULL, or there is no row
    masked: bool = False  # the value must not be shown
    compared: ComparisonResult | None = None
    past: Sequence[PastCheck] | None = None  # newest first, those that measured something; None: no ledger


@frozen
class CheckDecision:
    """A verdict, in words and with its value."""

    verdict: Verdict
    message: str
    value: str | None = None


class EvaluationError(Exception):
    """A condition that cannot be evaluated; the message says why."""


def expected(rules: CheckRules) -> str:
    """The conditions of a check as people write them: `empty`, `value >= 0.99`, `not rows > 10 (warns on rows > 0)`."""
    wanted = [condition.text for condition in rules.expect]
    wanted += [f"not {condition.text}" for condition in rules.fail]
    warns = " or ".join(condition.text for condition in rules.warn)
    if not wanted and not warns:
        return EMPTY.text
    if not wanted:
        return f"warns on {warns}"
    return " and ".join(wanted) + (f" (warns on {warns})" if warns else "")


def decide(rules: CheckRules, measured: Measurement, today: date) -> CheckDecision:
    """The verdict of a check with `rules` on what was `measured`; `today` in UTC, for `@until`."""
    replaced = rules.expect or rules.warn or rules.fail
    wanted = rules.expect if replaced else (EMPTY,)
    value = _shown_value((*wanted, *rules.warn, *rules.fail), measured)
    found = _found((*wanted, *rules.warn, *rules.fail), measured)
    try:
        broken = [f"expected {_none(c)}" for c in wanted if not holds(c, measured)]
        broken += [f"fails on {c.text}" for c in rules.fail if holds(c, measured) and not _first(c, measured)]
        doubtful = [f"warns on {c.text}" for c in rules.warn if holds(c, measured) and not _first(c, measured)]
    except EvaluationError as why:
        return CheckDecision(Verdict.ERROR, str(why), value)
    new = _nothing_to_compare((*wanted, *rules.warn, *rules.fail), measured)
    if broken:
        verdict, known = _known(rules, today)
        return CheckDecision(verdict, f"{found}, {', '.join(broken)}{known}", value)
    if doubtful or new:
        return CheckDecision(Verdict.WARN, ", ".join([found, *doubtful, *new]), value)
    return CheckDecision(Verdict.PASS, found, value)


def holds(condition: Condition, measured: Measurement) -> bool:
    """Whether `condition` is true of what was `measured`.

    Raises:
        EvaluationError: the condition cannot be evaluated.
    """
    match condition.measure:
        case Measure.ROWS:
            return _compare(condition, Decimal(measured.rows))
        case Measure.VALUE:
            return _value_holds(condition, measured)
        case Measure.COLUMNS:
            return _columns_hold(condition, measured.columns)
        case Measure.SAME:
            return _same(condition, measured)
    return _unchanged(condition, measured)


def flaky(history: Sequence[PastCheck]) -> bool:
    """Whether a check goes back and forth between good and bad; errors say nothing about that. In either order."""
    good = [past.verdict is not Verdict.FAIL for past in history if past.verdict is not Verdict.ERROR]
    return sum(a is not b for a, b in pairwise(good)) >= FLIPS


def lanes(spans: Sequence[tuple[float, float]]) -> list[int]:
    """Give each span `(began_s, ended_s)` the lowest lane, from 0, that is free when it begins."""
    ends: list[float] = []
    given = [0] * len(spans)
    for index in sorted(range(len(spans)), key=lambda i: spans[i]):
        began_s, ended_s = spans[index]
        lane = next((i for i, end_s in enumerate(ends) if end_s <= began_s), len(ends))
        if lane == len(ends):
            ends.append(ended_s)
        ends[lane] = ended_s
        given[index] = lane
    return given


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The most severe verdict; PASS if there is none."""
    return max(verdicts, key=(Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.ERROR).index, default=Verdict.PASS)


# --- conditions ----------------------------------------------------------------------------------------------------


def _compare(condition: Condition, found: Decimal) -> bool:
    low, high = condition.operand, condition.high
    assert isinstance(low, Decimal)
    if high is not None:
        return low <= found <= high
    match condition.operator:
        case "=":
            return found == low
        case "<>":
            return found != low
        case "<":
            return found < low
        case "<=":
            return found <= low
        case ">":
            return found > low
    return found >= low


def _value_holds(condition: Condition, measured: Measurement) -> bool:
    text = _value(measured)
    operand = condition.operand
    if isinstance(operand, bool):
        if text.lower() not in TRUE | FALSE:
            raise EvaluationError(f"the value {_quoted(text, measured)} is neither true nor false")
        equal = (text.lower() in TRUE) is operand
    elif isinstance(operand, str):
        equal = text == operand
    else:
        return _compare(condition, _number(text, measured))
    return equal if condition.operator == "=" else not equal


def _value(measured: Measurement) -> str:
    """The only value there is.

    Raises:
        EvaluationError: there is none, or there are several.
    """
    if len(measured.columns) != 1:
        raise EvaluationError(f"expected one row with one column, the query returned {_columns_text(measured.columns)}")
    if measured.rows != 1:
        raise EvaluationError(f"expected one row, the query returned {_rows_text(measured.rows)}")
    if measured.value is None:
        raise EvaluationError("the value is NULL")
    return measured.value


def _number(text: str, measured: Measurement) -> Decimal:
    number = _parsed(text)
    if number is None or number.is_nan():
        raise EvaluationError(f"the value {_quoted(text, measured)} is not a number")
    return number


def _columns_hold(condition: Condition, columns: Sequence[Column]) -> bool:
    if [name for name, _ in condition.columns] != [column.name for column in columns]:
        return False
    for (name, wanted), column in zip(condition.columns, columns, strict=True):
        if wanted and not column.type:
            raise EvaluationError(f'the database does not report the type of column "{name}": remove the types')
        if wanted and _type(wanted) != _type(column.type):
            return False
    return True


def _type(name: str) -> str:
    """The canonical name of a type; its length does not count."""
    bare, _, rest = " ".join(name.lower().split()).partition("(")
    array = name.rstrip().endswith("[]")
    bare = (bare.rstrip() + rest.partition(")")[2]).removesuffix("[]").rstrip()
    return ALIASES.get(bare, bare) + ("[]" if array else "")


def _same(condition: Condition, measured: Measurement) -> bool:
    compared = measured.compared
    if compared is None:
        raise EvaluationError(f"{condition.text}: nothing was compared")
    if compared.columns is not None:
        raise EvaluationError(
            f"{_count(len(measured.columns), 'column')} cannot be the same as the {compared.columns} of {compared.other}"
        )
    return compared.same


def _unchanged(condition: Condition, measured: Measurement) -> bool:
    if measured.past is None:
        raise EvaluationError(f"{condition.text}: there is no ledger to compare with: remove --ledger none")
    by_value = _by_value(condition, measured)
    if by_value and measured.masked:
        raise EvaluationError(
            f"{condition.text}: the value is masked and therefore not in the ledger: remove it from @mask"
        )
    now = _finite(_value(measured), measured) if by_value else Decimal(measured.rows)
    before = _before(condition, measured)
    if before is None:
        return True
    assert isinstance(condition.operand, Decimal)
    return abs(now - before) * 100 <= condition.operand * abs(before)


def _by_value(condition: Condition, measured: Measurement) -> bool:
    """Whether `unchanged` is of the value: where the check says so, or where the only row has nothing but a number.

    NULL, NaN and infinity count as values that cannot be compared; a comparison of rows would hide them.
    """
    if condition.of is not None:
        return condition.of is Measure.VALUE
    if measured.rows != 1 or len(measured.columns) != 1:
        return False
    kind = _type(measured.columns[0].type).removesuffix(" unsigned")
    if measured.value is None:
        return not kind or kind in NUMBERS
    number = _parsed(measured.value)
    return kind in NUMBERS or (number is not None and (number.is_finite() or not kind))


def _before(condition: Condition, measured: Measurement) -> Decimal | None:
    """The measurement of the last run; None if there is none, or it measured something else."""
    if not measured.past:
        return None
    last = measured.past[0]
    number = _parsed(last.value or "")
    known = number is not None and number.is_finite()
    if _by_value(condition, measured):
        return number if known else None
    return None if last.rows is None or (known and condition.of is None) else Decimal(last.rows)


def _first(condition: Condition, measured: Measurement) -> bool:
    """Whether it is the first run of an `unchanged`, which has compared nothing."""
    return condition.measure is Measure.UNCHANGED and measured.past is not None and _before(condition, measured) is None


def _finite(text: str, measured: Measurement) -> Decimal:
    number = _number(text, measured)
    if number.is_infinite():
        raise EvaluationError(f"the value {_quoted(text, measured)} is infinite, so its change cannot be measured")
    return number


def _parsed(text: str) -> Decimal | None:
    """The number in `text`, NaN and infinities included; None if it is not a number."""
    plain = text.strip()
    try:
        return Decimal(plain) if plain.isascii() and "_" not in plain else None  # Python takes 1_000, databases do not
    except InvalidOperation:
        return None


# --- words ---------------------------------------------------------------------------------------------------------


def _known(rules: CheckRules, today: date) -> tuple[Verdict, str]:
    if rules.until is None:
        return Verdict.FAIL, ""
    if today <= rules.until:
        return Verdict.WARN, f" (known, a warning until {rules.until})"
    return Verdict.FAIL, f" (was known until {rules.until})"


def _none(condition: Condition) -> str:
    return "none" if condition is EMPTY or condition.text == "empty" else condition.text


def _nothing_to_compare(conditions: Sequence[Condition], measured: Measurement) -> list[str]:
    """The first run of `unchanged` has compared nothing, and says so."""
    first = next((c for c in conditions if _first(c, measured)), None)
    if first is None:
        return []
    if not measured.past:
        return ["no earlier run to compare with"]
    last = measured.past[0]
    what, now = ("no number", "a value") if _by_value(first, measured) else ("a value", "rows")
    what = "rows" if last.value is None and last.rows is not None else what
    return [f"run {last.run} measured {what}, this one {now}: the next run is compared with it"]


def _shown_value(conditions: Sequence[Condition], measured: Measurement) -> str | None:
    """The value where a condition looks at it and there is exactly one."""
    wanted = any(
        c.measure is Measure.VALUE or (c.measure is Measure.UNCHANGED and _by_value(c, measured)) for c in conditions
    )
    return measured.value if wanted and measured.rows == 1 and len(measured.columns) == 1 else None


def _found(conditions: Sequence[Condition], measured: Measurement) -> str:
    """The measured values that the conditions refer to."""
    kinds = {c.measure for c in conditions}
    words = []
    if measured.compared is not None:
        words.append(_compared_text(measured, measured.compared))
    if Measure.COLUMNS in kinds:
        words.append(f"columns {_columns_text(measured.columns)}")
    value = _shown_value(conditions, measured)
    if value is not None:
        shown = _plain(_distinct(value, conditions), measured)
        words.append(f"value {shown}{_past_text(conditions, measured, value=True)}")
    elif not words or Measure.ROWS in kinds:
        words.append(f"{_rows_text(measured.rows)}{_past_text(conditions, measured, value=False)}")
    return ", ".join(words)


def _distinct(value: str, conditions: Sequence[Condition]) -> str:
    """`value`, with escapes where a reader would take it for a text that it is compared with."""
    texts = (c.operand for c in conditions if isinstance(c.operand, str))
    return characters.escape_non_ascii(value) if any(characters.look_alike(value, text) for text in texts) else value


def _past_text(conditions: Sequence[Condition], measured: Measurement, *, value: bool) -> str:
    if not measured.past or not any(c.measure is Measure.UNCHANGED and not _first(c, measured) for c in conditions):
        return ""
    last = measured.past[0]
    before = last.value if value else last.rows
    return "" if before is None else f" (it was {_plain(str(before), measured)} in run {last.run})"


def _compared_text(measured: Measurement, compared: ComparisonResult) -> str:
    if compared.same:
        return f"{_rows_text(measured.rows)}, the same as {compared.other}"
    if compared.here is None or compared.there is None:
        return f"the {measured.rows:,} rows are not the {compared.rows:,} of {compared.other}, and too large to compare"
    least = "at least " if compared.at_least else ""
    return f"{least}{_rows_text(compared.here)} only here, {least}{_rows_text(compared.there)} only in {compared.other}"


def _rows_text(rows: int) -> str:
    return _count(rows, "row")


def _count(number: int, what: str) -> str:
    return counted(number, what) if number else f"no {what}s"


def _columns_text(columns: Sequence[Column]) -> str:
    return f"({', '.join(f'{c.name} {c.type}'.strip() for c in columns)})"


def _plain(text: str, measured: Measurement) -> str:
    if measured.masked:
        return MASK
    return characters.quote_if_changed(text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}...", text)


def _quoted(text: str, measured: Measurement) -> str:
    shown = _plain(text, measured)
    return shown if shown.startswith('"') else f'"{shown}"'
