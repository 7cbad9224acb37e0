"""Result rows as record batches."""

from __future__ import annotations

import pyarrow as pa
import pytest

from bulkq.columnar.rows_to_batches import Layouts, Unfit, find_problem, has_declared_types
from bulkq.model import Column

COLUMNS = (Column("id", "bigint"), Column("d", "date"))


def test_batch() -> None:
    """The schema is that of the declared types."""
    layouts = Layouts()
    batch = layouts.batch(COLUMNS, [[1, 2], ["2026-01-01", None]])
    assert batch.schema == layouts.schema(COLUMNS) == pa.schema([("id", pa.int64()), ("d", pa.date32())])
    assert batch.num_rows == 2
    assert has_declared_types(layouts.forms(COLUMNS))
    assert not has_declared_types(layouts.forms((Column("a"),)))


def test_unfit() -> None:
    """The message names column, value and type, and what to write instead."""
    with pytest.raises(Unfit, match=r'column "d": "infinity" does not fit the type date .*\(d::text\)'):
        Layouts().batch(COLUMNS, [[1], ["infinity"]])


def test_notices() -> None:
    """A numeric without a declared precision is text, which is said."""
    assert [text[:60] for text in Layouts().notices((*COLUMNS, Column("n", "numeric")))] == [
        'column "n" is numeric with no declared precision: it is writ'
    ]


def test_problem() -> None:
    """Two columns of one name are refused."""
    assert find_problem(COLUMNS) is None
    assert "named" in str(find_problem((*COLUMNS, COLUMNS[0])))
