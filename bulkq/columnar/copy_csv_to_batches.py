"""The CSV of COPY as record batches: Arrow parses a block of rows at once, without a Python object for each value.

NULL is an empty field without quotes, and a quoted one is the empty text. A line without fields is a row of one column that is NULL.
https://arrow.apache.org/docs/python/generated/pyarrow.csv.ConvertOptions.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pcsv

from bulkq.columnar.arrow_types import SIMPLE, arrow_type
from bulkq.columnar.rows_to_batches import describe_unfit_value
from bulkq.columnar.values_to_arrays import UnfitError, array_of_texts
from bulkq.model.parse_column_type_name import FormKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.columnar.arrow_types import ArrowArray, ArrowType, RecordBatch
    from bulkq.model import Column
    from bulkq.model.parse_column_type_name import ColumnForm

DIRECT = frozenset(SIMPLE) - {FormKind.UUID, FormKind.BINARY, FormKind.TIME} | {FormKind.DECIMAL}
"""Kinds that Arrow's reader of CSV converts by itself; the others are read as text first."""

TEXT = pa.string()


def is_whole(data: bytes | bytearray) -> bool:
    """Whether CSV ends with a row: behind a line break that is not inside quotes."""
    return data.endswith(b"\n") and not data.count(b'"') % 2


class CsvBlocks:
    """Blocks of whole rows, without a header, as record batches of the columns.

    Args:
        columns: of the result, all with declared types.
        forms: of the columns.
    """

    def __init__(self, columns: Sequence[Column], forms: Sequence[ColumnForm]) -> None:
        self._columns = columns
        self._forms = forms
        self._names = [f"c{index}" for index in range(len(columns))]
        self._types = [arrow_type(form) if form.kind in DIRECT else TEXT for form in forms]

    def parse(self, data: bytes) -> RecordBatch:
        """The rows of a block.

        Raises:
            Unfit: a value that the type of its column cannot hold exactly.
        """
        try:
            arrays = self._read(data, self._types)
        except pa.ArrowInvalid:  # some value: as texts, each column says which
            arrays = self._read(data, [TEXT] * len(self._types))
        made = [
            self._made(column, form, array)
            for column, form, array in zip(self._columns, self._forms, arrays, strict=True)
        ]
        return pa.RecordBatch.from_arrays(made, names=[column.name for column in self._columns])

    def _read(self, data: bytes, types: Sequence[ArrowType]) -> list[ArrowArray]:
        table = pcsv.read_csv(
            pa.BufferReader(data),
            read_options=pcsv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=self._names),
            parse_options=pcsv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=pcsv.ConvertOptions(
                column_types=dict(zip(self._names, types, strict=True)),
                null_values=[""],
                true_values=["t"],
                false_values=["f"],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        return [column.combine_chunks() for column in table.columns]

    def _made(self, column: Column, form: ColumnForm, array: ArrowArray) -> ArrowArray:
        kind = arrow_type(form)
        if array.type == kind:
            return array
        try:
            return array_of_texts(array, form)
        except UnfitError as error:
            raise describe_unfit_value(column, error.text) from error
