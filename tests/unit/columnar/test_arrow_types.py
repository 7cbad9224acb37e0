"""Forms of columns as Arrow types."""

from __future__ import annotations

import pyarrow as pa
import pytest

from bulkq.columnar.arrow_types import arrow_type
from bulkq.model.parse_column_type_name import column_form


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("", pa.null()),
        ("bigint", pa.int64()),
        ("real", pa.float32()),
        ("numeric(38,4)", pa.decimal128(38, 4)),
        ("numeric(39,4)", pa.decimal256(39, 4)),
        ("timestamp with time zone", pa.timestamp("us", "UTC")),
        ("uuid", pa.uuid()),
        ("jsonb", pa.string()),
        ("interval", pa.string()),
        ("smallint[]", pa.list_(pa.int16())),
    ],
)
def test_arrow_type(name: str, kind: pa.DataType) -> None:
    """Integers keep their width, decimals their digits, moments are UTC."""
    assert arrow_type(column_form(name)) == kind
