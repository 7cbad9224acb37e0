"""Result rows as record batches whose schema follows from the declared types of the columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from bulkq.columnar.arrow_types import arrow_type
from bulkq.columnar.values_to_arrays import UnfitError, array_of
from bulkq.model.parse_column_type_name import ColumnForm, FormKind, column_form
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.columnar.arrow_types import ArrowArray, ArrowSchema, RecordBatch
    from bulkq.model import Column


class Unfit(ValueError):
    """A column with a value that its type cannot hold exactly: a message with the next step."""


class Layouts:
    """The forms of result columns, worked out once for each result."""

    def __init__(self) -> None:
        self._known: dict[tuple[Column, ...], tuple[ColumnForm, ...]] = {}

    def forms(self, columns: tuple[Column, ...]) -> tuple[ColumnForm, ...]:
        """The form of each column."""
        forms = self._known.get(columns)
        if forms is None:
            forms = self._known[columns] = tuple(column_form(column.type) for column in columns)
        return forms

    def schema(self, columns: tuple[Column, ...]) -> ArrowSchema:
        """The schema of a result; a column without a declared type has the type null."""
        forms = self.forms(columns)
        return pa.schema([pa.field(c.name, arrow_type(form)) for c, form in zip(columns, forms, strict=True)])

    def batch(self, columns: tuple[Column, ...], values: Sequence[Sequence[object]]) -> RecordBatch:
        """Rows as a record batch; `values` holds one sequence per column.

        Raises:
            Unfit: a value that the type of its column cannot hold exactly.
        """
        arrays = [
            build_array(column, form, cells)
            for column, form, cells in zip(columns, self.forms(columns), values, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, names=[column.name for column in columns])

    def notices(self, columns: tuple[Column, ...]) -> list[str]:
        """A message for each number that is written as text."""
        pairs = zip(columns, self.forms(columns), strict=True)
        return [
            f"column {quoted(column.name)} is {column.type} with {form.notice}: it is written as text; "
            f"for a number, cast it in the query: {column.name}::numeric(20,4)"
            for column, form in pairs
            if form.notice
        ]


def has_declared_types(forms: Sequence[ColumnForm]) -> bool:
    """Whether the types of all columns are known before their values."""
    return all(form.kind is not FormKind.VALUES for form in forms)


def build_array(column: Column, form: ColumnForm, cells: Sequence[object]) -> ArrowArray:
    """The values of one column as an array.

    Raises:
        Unfit: a value that the type cannot hold exactly.
    """
    try:
        return array_of(cells, form)
    except UnfitError as error:
        raise describe_unfit_value(column, error.text) from error


def describe_unfit_value(column: Column, text: str) -> Unfit:
    """The message about one value."""
    return Unfit(
        f"column {quoted(column.name)}: {quoted(text)} does not fit the type {column.type} of an Arrow column: "
        f"cast the column to text in the query ({column.name}::text)"
    )


def find_problem(columns: tuple[Column, ...]) -> str | None:
    """Why these columns cannot be written, or None."""
    names = [column.name for column in columns]
    if len(set(names)) == len(names):
        return None
    twice = next(name for name in names if names.count(name) > 1)
    return f'two result columns are named "{twice}", which Arrow readers cannot tell apart: give one an alias (... AS other_name)'
