"""What a driver gives back for a batch: columns, values, the sets that failed by themselves, and values that cannot be converted."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence


class Decoding(StrEnum):
    """In which form a sink wants the values of result rows."""

    PYTHON = "python"  # what the database library gives: int, Decimal, datetime, ...
    TEXT = "text"  # what COPY ... CSV would write: `t`, `2026-11-22 13:05:10+00`, `{1,2}`, `\\x00`; ints may stay int, bools bool
    JSON = "json"  # int, float, bool, str, None, or JSON text where `Column.raw`


@frozen
class Column:
    """One result column."""

    name: str
    type: str = ""  # the database's name for it, "" where it has none
    raw: bool = False  # Decoding.JSON only: the strings are JSON text and are embedded as they are


@frozen
class SetError:
    """One parameter set that failed inside an attempt in which the others went through (SQLite reads)."""

    position: int
    sqlstate: str | None
    message: str
    hint: str | None = None
    own: bool = False  # the message is bulkq's own and holds no values


@frozen
class EncodedReply:
    """The rows of a reply that went through `--map`, or were encoded for the output, where they arose: on another machine."""

    payload: object  # as `Sink.encode` gives it
    weight: int
    errors: tuple[SetError, ...] = ()  # sets for which the function of `--map` failed
    complete: bool = True  # False: the rows are values, which are still to be encoded


@frozen
class Reply:
    """What one attempt brought back. Columnar, because the sinks format columns, not rows.

    `values[c][r]` is column c of row r; `positions[r]` is the index of the set (in the sets given to the
    attempt) that row r answers, ascending unless the driver sorted.
    """

    columns: tuple[Column, ...]
    values: Sequence[Sequence[object]]
    positions: Sequence[int]
    changed: int = 0
    errors: tuple[SetError, ...] = ()
    together: bool = False  # one statement has answered all sets
    lost: str = ""  # why the rows of its only set, which was applied, cannot be given
    encoded: EncodedReply | None = None  # then `positions` only counts the rows


@frozen
class BadValue:
    """A value that the target cannot convert to its parameter's type, found before anything was executed."""

    position: int  # index into the checked sets
    parameter: int  # index into `Query.parameters`
    type: str
    sqlstate: str
    message: str
