"""Columns without a declared type."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import pyarrow as pa
import pytest

from bulkq.columnar.infer_types import convert_array, infer_array, unify_types

NEW_YEAR = datetime.fromisoformat("2026-01-01")


@pytest.mark.parametrize(
    ("values", "kind", "wanted"),
    [
        ([None], pa.null(), [None]),
        ([1, None], pa.int64(), [1, None]),
        ([2**70], pa.string(), [str(2**70)]),
        ([1.5], pa.float64(), [1.5]),
        ([1, 1.5], pa.float64(), [1.0, 1.5]),
        ([2**53 + 1, 1.5], pa.string(), [str(2**53 + 1), "1.5"]),
        ([True], pa.bool_(), [True]),
        ([1, "a"], pa.string(), ["1", "a"]),
        (["a", b"\x00"], pa.string(), ["a", "\\x00"]),
        ([b"a"], pa.binary(), [b"a"]),
        ([Decimal("1.50")], pa.string(), ["1.50"]),
        ([date(2026, 1, 1)], pa.date32(), [date(2026, 1, 1)]),
        ([NEW_YEAR], pa.timestamp("us"), [NEW_YEAR]),
        ([datetime(2026, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC"), [datetime(2026, 1, 1, tzinfo=UTC)]),
        (
            [NEW_YEAR, datetime(2026, 1, 1, tzinfo=UTC)],
            pa.string(),
            ["2026-01-01 00:00:00", "2026-01-01 00:00:00+00"],
        ),
        ([time(1)], pa.time64("us"), [time(1)]),
        ([time(1, tzinfo=timezone(timedelta(hours=1)))], pa.string(), ["01:00:00+01"]),
        ([[1, 2]], pa.string(), ["[1,2]"]),
    ],
)
def test_inferred(values: list[object], kind: pa.DataType, wanted: list[object]) -> None:
    """The narrowest type that holds all values exactly, else text as in CSV."""
    array = infer_array(values)
    assert array.type == kind
    assert array.to_pylist() == wanted


def test_unified() -> None:
    """NULL gives way, integers become doubles, everything else text."""
    assert unify_types(pa.null(), pa.int64()) == unify_types(pa.int64(), pa.null()) == pa.int64()
    assert unify_types(pa.float64(), pa.int64()) == pa.float64()
    assert unify_types(pa.float64(), pa.string()) == pa.string()


def test_converted() -> None:
    """Nothing is lost on the way to the common type."""
    assert convert_array(pa.array([1]), pa.int64()).to_pylist() == [1]
    assert convert_array(pa.nulls(1), pa.int64()).type == pa.int64()
    assert convert_array(pa.array([1]), pa.float64()).to_pylist() == [1.0]
    assert convert_array(pa.array([0.1, None]), pa.string()).to_pylist() == ["0.1", None]
    with pytest.raises(ValueError, match="out of bounds|not in range|Integer value"):
        convert_array(pa.array([2**53 + 1]), pa.float64())
