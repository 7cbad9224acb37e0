"""Record batches of one result."""

from __future__ import annotations

import pyarrow as pa
import pytest

from bulkq.columnar.one_schema_batches import StableBatches
from bulkq.columnar.rows_to_batches import Unfit
from bulkq.model import Column

UNTYPED = (Column("a"), Column("b"))


def test_declared() -> None:
    """The schema is known before the rows."""
    stable = StableBatches()
    assert stable.describe(()) is None
    columns = (Column("a", "bigint"),)
    assert stable.describe(columns) == pa.schema([("a", pa.int64())])
    assert stable.batch(columns, [[1]]).schema == stable.schema


def test_the_first_values_decide() -> None:
    """Later values take the type of the first ones, or are refused."""
    stable = StableBatches()
    assert stable.describe(UNTYPED) is None
    stable.batch(UNTYPED, [[1.5], [None]])
    later = stable.batch(UNTYPED, [[1, None], [5, "x"]])
    assert later.to_pylist() == [{"a": 1.0, "b": "5"}, {"a": None, "b": "x"}]
    assert later.schema == stable.schema == pa.schema([("a", pa.float64()), ("b", pa.string())])
    for wrong in ("x", 2**53 + 1):
        with pytest.raises(Unfit, match='column "a" has values of several types'):
            stable.batch(UNTYPED, [[wrong], [None]])


def test_names_that_stand_twice() -> None:
    """Readers cannot tell them apart."""
    with pytest.raises(Unfit, match="two result columns"):
        StableBatches().batch((Column("a"), Column("a")), [[1], [1]])
