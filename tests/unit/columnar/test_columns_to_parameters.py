"""Columns of a file as values of parameters."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import pyarrow as pa
import pytest

from bulkq.columnar.columns_to_parameters import LossyValueError, values_of

U = UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
NOON = datetime(2026, 1, 2, 12, 0, 0, 1, tzinfo=UTC)
NAIVE = NOON.replace(tzinfo=None)
SAME = object()


@pytest.mark.parametrize(
    ("values", "kind", "native", "text"),
    [
        ([1, None], pa.int8(), SAME, ["1", None]),
        ([2**64 - 1], pa.uint64(), SAME, ["18446744073709551615"]),
        ([True], pa.bool_(), SAME, ["true"]),
        ([0.1, float("inf")], pa.float64(), SAME, ["0.1", "inf"]),
        ([1.5], pa.float16(), SAME, ["1.5"]),
        ([Decimal("1.10")], pa.decimal128(20, 2), SAME, ["1.10"]),
        ([Decimal(10**60)], pa.decimal256(70, 0), SAME, [str(10**60)]),
        (["a", ""], pa.string(), SAME, ["a", ""]),
        (["a"], pa.large_string(), SAME, ["a"]),
        (["a"], pa.string_view(), SAME, ["a"]),
        ([None], pa.null(), SAME, [None]),
        ([b"\x00\xff"], pa.binary(), SAME, ["\\x00ff"]),
        ([b"ab"], pa.binary(2), SAME, ["\\x6162"]),
        ([date(2026, 1, 2)], pa.date32(), SAME, ["2026-01-02"]),
        ([date(2026, 1, 2)], pa.date64(), SAME, ["2026-01-02"]),
        ([time(1, 2, 3, 4)], pa.time64("us"), SAME, ["01:02:03.000004"]),
        ([time(1, 2, 3)], pa.time32("s"), SAME, ["01:02:03.000000"]),
        ([NAIVE], pa.timestamp("us"), SAME, ["2026-01-02 12:00:00.000001"]),
        ([NAIVE], pa.timestamp("ns"), SAME, ["2026-01-02 12:00:00.000001"]),
        ([NOON], pa.timestamp("us", "Europe/Berlin"), SAME, ["2026-01-02 12:00:00.000001Z"]),
        ([timedelta(days=1, seconds=1)], pa.duration("ms"), SAME, ["1 day 00:00:01"]),
        ([[1, None]], pa.list_(pa.int32()), SAME, SAME),
        ([[1]], pa.large_list(pa.int32()), SAME, SAME),
        ([[1, 2]], pa.list_(pa.int32(), 2), SAME, SAME),
        ([[NAIVE]], pa.list_(pa.timestamp("ns")), SAME, SAME),
        (
            [{"a": NAIVE}, None],
            pa.struct([("a", pa.timestamp("ns"))]),
            ['{"a":"2026-01-02T12:00:00.000001"}', None],
            SAME,
        ),
        ([[("k", 1)]], pa.map_(pa.string(), pa.int32()), ['{"k":1}'], SAME),
    ],
)
def test_exact(values: list[object], kind: pa.DataType, native: object, text: object) -> None:
    """Values keep their types; their texts are exact."""
    array = pa.array(values, kind)
    wanted = values if native is SAME else native
    assert values_of(array, text=False) == wanted
    assert values_of(array, text=True) == (wanted if text is SAME else text)


def test_other_encodings() -> None:
    """Dictionaries and extensions are what they stand for; four bytes are the double that they are."""
    assert values_of(pa.array(["a", "b", "a"]).dictionary_encode(), text=True) == ["a", "b", "a"]
    uuids = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([U.bytes, None], pa.binary(16)))
    assert values_of(uuids, text=False) == [U, None]
    assert values_of(uuids, text=True) == [str(U), None]
    stored = pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{}"]))
    assert values_of(stored, text=True) == ["{}"]
    assert values_of(pa.array([1.1], pa.float32()), text=True) == ["1.100000023841858"]
    span = pa.array([(1, 2, 3000), None], pa.month_day_nano_interval())
    assert values_of(span, text=True) == ["1 months 2 days 3 microseconds", None]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (pa.array([1000, 2001], pa.timestamp("ns")), "with nanoseconds"),
        (pa.array([1000, 2001], pa.time64("ns")), "with nanoseconds"),
        (pa.array([1000, 2001], pa.duration("ns")), "with nanoseconds"),
        (pa.array([[1000], [2001]], pa.list_(pa.timestamp("ns"))), "with nanoseconds"),
        (pa.array([(0, 0, 1000), (0, 0, 1)], pa.month_day_nano_interval()), "with nanoseconds"),
        (pa.array([0, 2**60], pa.timestamp("s")), "cannot be passed on"),
    ],
)
def test_not_exact(array: pa.Array, message: str) -> None:
    """What cannot be passed on exactly is named by its row, with and without pandas."""
    with pytest.raises(LossyValueError, match=message) as caught:
        values_of(array, text=True)
    assert caught.value.index == 1


def test_years_that_python_does_not_have() -> None:
    """A year beyond 9999 is an error, not another year."""
    with pytest.raises(LossyValueError, match="that Python does not have") as caught:
        values_of(pa.array([0, 300_000_000_000_000_000], pa.timestamp("us")), text=False)
    assert caught.value.index == 1
