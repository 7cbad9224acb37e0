"""The form of a column as an Arrow type."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from bulkq.model.parse_column_type_name import ColumnForm, FormKind

ArrowType = Any
"""`pyarrow.DataType`; pyarrow has no types for mypy."""

ArrowArray = Any
"""`pyarrow.Array`."""

ArrowSchema = Any
"""`pyarrow.Schema`."""

RecordBatch = Any
"""`pyarrow.RecordBatch`."""

NARROW_DECIMAL = 38
"""Digits that `decimal128` holds; wider ones are `decimal256`."""

SIMPLE = {
    FormKind.BOOL: pa.bool_(),
    FormKind.INT8: pa.int8(),
    FormKind.INT16: pa.int16(),
    FormKind.INT32: pa.int32(),
    FormKind.INT64: pa.int64(),
    FormKind.UINT8: pa.uint8(),
    FormKind.UINT16: pa.uint16(),
    FormKind.UINT32: pa.uint32(),
    FormKind.UINT64: pa.uint64(),
    FormKind.FLOAT: pa.float32(),
    FormKind.DOUBLE: pa.float64(),
    FormKind.TEXT: pa.string(),
    FormKind.BINARY: pa.binary(),
    FormKind.DATE: pa.date32(),
    FormKind.TIME: pa.time64("us"),
    FormKind.TIMESTAMP: pa.timestamp("us"),
    FormKind.INSTANT: pa.timestamp("us", "UTC"),
    FormKind.UUID: pa.uuid(),
}


def arrow_type(form: ColumnForm) -> ArrowType:
    """The Arrow type of a declared form; null for one that the values decide."""
    if form.kind is FormKind.DECIMAL:
        make = pa.decimal128 if form.precision <= NARROW_DECIMAL else pa.decimal256
        return make(form.precision, form.scale)
    if form.kind is FormKind.LIST:
        assert form.items is not None
        return pa.list_(arrow_type(form.items))
    return SIMPLE.get(form.kind, pa.null())
