"""The conditions of a check as values: parsed by `bulkq.query`, evaluated by `bulkq.checks.verdict`."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal


class Measure(StrEnum):
    """What a condition of a check looks at."""

    ROWS = "rows"
    VALUE = "value"  # of the only column of the only row
    COLUMNS = "columns"
    SAME = "same"  # the rows of another query, or of this one on another target
    UNCHANGED = "unchanged"  # the last run


@frozen
class Condition:
    """One condition of `@expect`, `@warn` or `@fail`."""

    text: str  # as written, blanks evened out
    measure: Measure
    operator: str = "="  # = <> < <= > >= between
    operand: Decimal | str | bool | None = None  # of UNCHANGED the percentage
    high: Decimal | None = None  # of "between"
    columns: tuple[tuple[str, str], ...] = ()  # name and type, "" where any type will do
    other: str = ""  # of SAME: NAME or FILE:NAME
    target: str = ""  # of SAME: as written; "" is the check's own
    of: Measure | None = None  # of UNCHANGED: rows or value; None: the value where there is one, else the rows


@frozen
class CheckRules:
    """What the header of a check says about its answer."""

    expect: tuple[Condition, ...] = ()
    warn: tuple[Condition, ...] = ()
    fail: tuple[Condition, ...] = ()
    until: date | None = None  # the last day on which a failure is only a warning
    sample: int = 5  # rows shown
    mask: tuple[str, ...] = ()  # columns whose values are not shown or recorded
    params: tuple[str, ...] = ()  # parameter sources, relative to the file
