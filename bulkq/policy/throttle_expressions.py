"""The expressions of `--throttle`: `lag<2s`, `slot<10GB`, `autovacuum`, `file:/run/hold`. Pure."""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.model.frozen_dataclass import frozen
from bulkq.model.throttle_readings import Unit
from bulkq.text.durations import SECONDS, duration_text, exact_duration, latency_text
from bulkq.text.late_pattern import compile_late
from bulkq.text.message_parts import quoted, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BYTES = {"b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3, "tb": 1024**4}
"""Bytes in each unit that may be written. They are those of the settings of PostgreSQL, so 1 MB is 1024 kB."""

_UNITS = ("TB", "GB", "MB", "kB")

SUFFIX = ".sql"

_FORM = compile_late(r"([a-z_]+)\s*(?:\(([^()]*)\))?\s*(?:(<)\s*(.*))?", re.DOTALL | re.IGNORECASE)
_QUANTITY = compile_late(r"(\d+(?:\.\d+)?|\.\d+)\s*([a-zA-Z/]*)", re.ASCII)


@frozen
class SignalForm:
    """How the expression of a signal is written.

    Attributes:
        usage: examples, for messages.
        units: of its limit, which stands behind `<`; () if the signal has none.
        text: the part behind `:`, for messages; "" if the signal has none.
        argument: what may stand in parentheses, for messages; "" if nothing may.
    """

    usage: str
    units: tuple[Unit, ...] = ()
    text: str = ""
    argument: str = ""


SIGNALS: Mapping[str, SignalForm] = {
    "lag": SignalForm("lag<2s or lag<64MB", (Unit.SECONDS, Unit.BYTES), argument="the name of a replica"),
    "wal": SignalForm("wal<20MB/s", (Unit.RATE,)),
    "archive": SignalForm("archive<50", (Unit.NUMBER,)),
    "slot": SignalForm("slot<10GB", (Unit.BYTES,), argument="the name of a slot"),
    "waiters": SignalForm("waiters<1", (Unit.NUMBER,)),
    "active": SignalForm("active<50", (Unit.NUMBER,)),
    "oldest_xact": SignalForm("oldest_xact<1h", (Unit.SECONDS,)),
    "autovacuum": SignalForm("autovacuum or autovacuum(TABLE)", argument="the name of a table"),
    "commit": SignalForm("commit<200ms", (Unit.SECONDS,)),
    "sql": SignalForm("sql:QUERY or sql:FILE.sql", text="query"),
    "http": SignalForm("http:URL", text="URL"),
    "file": SignalForm("file:PATH", text="path"),
}
"""Every signal by its name."""


@frozen
class ThrottleExpression:
    """A parsed expression.

    Attributes:
        text: as typed.
        signal: a key of `SIGNALS`.
        limit: the lanes wait from this value on, in `unit`; None if the signal has none.
        argument: what stands in parentheses, or behind the colon; "" if nothing does.
        option: by which it was given, for messages.
    """

    text: str
    signal: str
    limit: float | None = None
    unit: Unit | None = None
    argument: str = ""
    option: str = field(default="--throttle", compare=False)


def parse_expression(text: str, option: str = "--throttle") -> ThrottleExpression:
    """Parse an expression of `option`.

    Raises:
        UsageError: there is no such signal, its limit is missing or has a wrong unit, or it is incomplete; one line.
    """
    where = f"{option} {quoted(text)}"
    signal, colon, rest = text.strip().partition(":")
    if colon and signal in {"http", "https"} and rest.startswith("//"):
        return ThrottleExpression(text, "http", argument=text.strip(), option=option)
    known = SIGNALS.get(signal)
    if colon and known is not None and known.text:
        if not rest.strip() or "\0" in rest:
            raise UsageError(f"{where}: the {known.text} is missing: use {known.usage}")
        return ThrottleExpression(text, signal, argument=rest, option=option)
    found = _FORM.fullmatch(text.strip())
    name = found[1] if found else re.split(r"[^\w-]", text.strip(), maxsplit=1)[0]
    form = SIGNALS.get(name)
    if form is None:
        raise UsageError(f"{where}: unknown signal {quoted(name)}{suggestion(name, SIGNALS)}: use {_names()}")
    if form.text:
        raise UsageError(f"{where}: the {form.text} is missing: use {form.usage}")
    if found is None:
        raise UsageError(f"{where}: is not valid: use {form.usage}")
    argument = _argument(where, form, name, found[2])
    if not form.units:
        if found[3]:
            raise UsageError(f"{where}: {name} has no limit: use {form.usage}")
        return ThrottleExpression(text, name, argument=argument, option=option)
    limit, unit = _limit(where, form, found[4])
    return ThrottleExpression(text, name, limit, unit, argument, option)


ROUNDED = 1e-4
"""Limits in a status have four decimals."""


def current_text(text: str, limit: float | None) -> str:
    """An expression with the limit that its throttle has now, in the unit of the expression; as typed if that is the same.

    An expression of another version, which this one does not know, stays as it is.
    """
    try:
        typed = parse_expression(text)
    except UsageError:
        return text
    if limit is None or typed.unit is None or typed.limit is None or abs(typed.limit - limit) < ROUNDED:
        return text
    return f"{text.partition('<')[0].rstrip()}<{limit_text(limit, typed.unit)}"


def path_of(text: str) -> str:
    """The path that an expression names: of `file:PATH` and `sql:FILE.sql`; "" if it names none."""
    signal, _, path = text.partition(":")
    return path if signal == "file" or (signal == "sql" and names_file(path)) else ""


def replica_names(expressions: Iterable[str]) -> tuple[str, ...]:
    """The names that `lag(NAME)` has among valid expressions, each once."""
    parsed = map(parse_expression, expressions)
    return tuple(dict.fromkeys(one.argument for one in parsed if one.signal == "lag" and one.argument))


def names_file(argument: str) -> bool:
    """Whether the text behind `sql:` is the path of a file and not a query."""
    return argument.endswith(SUFFIX) and not any(character.isspace() for character in argument)


def quantity_text(value: float, unit: Unit) -> str:
    """A value of a signal for people: `4.1s`, `64 MB`, `20 MB/s`, `12`."""
    if unit is Unit.SECONDS:
        return _seconds_text(value)
    if unit is Unit.NUMBER:
        return f"{value:.0f}"
    size = next((name for name in _UNITS if value >= BYTES[name.lower()]), "B")
    number = value / BYTES[size.lower()]
    shown = f"{number:.1f}" if number % 1 and number < 10 else f"{number:.0f}"
    return f"{shown} {size}{'/s' if unit is Unit.RATE else ''}"


def limit_text(value: float, unit: Unit) -> str:
    """A limit as it is typed, without a loss: `2s`, `64MB`, `20MB/s`, `12`."""
    if unit is Unit.SECONDS:
        return exact_duration(value)
    if unit is Unit.NUMBER:
        return f"{value:.15g}"
    size = next((name for name in _UNITS if value % BYTES[name.lower()] == 0), "B")
    return f"{value / BYTES[size.lower()]:.15g}{size}{'/s' if unit is Unit.RATE else ''}"


def _seconds_text(value: float) -> str:
    if value >= 60:
        return duration_text(value) if value % 60 else exact_duration(value)
    return f"{value:.1f}".removesuffix(".0") + "s" if value >= 1 or not value else latency_text(value)


def _names() -> str:
    """All forms in one line."""
    return ", ".join(form.usage.partition(" or ")[0] for form in SIGNALS.values())


def _argument(where: str, form: SignalForm, name: str, argument: str | None) -> str:
    if argument is None:
        return ""
    if not form.argument:
        raise UsageError(f"{where}: {name} takes no name in parentheses: use {form.usage}")
    if not argument.strip() or "\0" in argument:
        raise UsageError(f"{where}: {form.argument} is missing in the parentheses")
    return argument.strip()


def _limit(where: str, form: SignalForm, written: str | None) -> tuple[float, Unit]:
    """The limit in its unit."""
    if not (written or "").strip():
        raise UsageError(f"{where}: the limit is missing: use {form.usage}")
    found = _QUANTITY.fullmatch((written or "").strip())
    if found is None:
        raise UsageError(f"{where}: {quoted(written)} is not a limit: use {form.usage}")
    number, unit = float(found[1]), found[2]
    size, kind = _unit(unit)
    if kind not in form.units:
        wrong = f'unknown unit "{unit}"' if kind is None else f'wrong unit "{unit}"' if unit else "the unit is missing"
        raise UsageError(f"{where}: {wrong}: use {form.usage}")
    if not number:
        raise UsageError(f"{where}: a limit of 0 never lets a batch start: use more than 0")
    return number * size, Unit(kind)


def _unit(written: str) -> tuple[float, Unit | None]:
    """The size of a unit and what it counts; None if there is no such unit."""
    folded = written.lower()
    if not folded:
        return 1.0, Unit.NUMBER
    if folded in SECONDS:
        return SECONDS[folded], Unit.SECONDS
    size, slash, second = folded.partition("/")
    if size in BYTES and (not slash or second == "s"):
        return BYTES[size], Unit.RATE if slash else Unit.BYTES
    return 1.0, None
