"""Record batches of one result, all with the same schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from bulkq.columnar.convert_partial import merge_schemas
from bulkq.columnar.infer_types import convert_array, unify_types
from bulkq.columnar.rows_to_batches import Layouts, Unfit, find_problem, has_declared_types
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.columnar.arrow_types import ArrowArray, ArrowSchema, RecordBatch
    from bulkq.model import Column


class StableBatches:
    """The schema is that of the declared types; columns without one have the type of their first values, or text if those are NULL.

    Attributes:
        schema: of all batches; None before it is known.
    """

    def __init__(self) -> None:
        self.schema: ArrowSchema | None = None
        self._layouts = Layouts()

    def describe(self, columns: tuple[Column, ...]) -> ArrowSchema | None:
        """The schema of these columns, if their types are declared."""
        if columns and has_declared_types(self._layouts.forms(columns)):
            self.schema = self._layouts.schema(columns)
        return self.schema

    def batch(self, columns: tuple[Column, ...], values: Sequence[Sequence[object]]) -> RecordBatch:
        """Rows as a record batch of the schema.

        Raises:
            Unfit: a value that the type of its column cannot hold exactly; two columns of one name.
        """
        found = find_problem(columns)
        if found:
            raise Unfit(found)
        batch = self._layouts.batch(columns, values)
        if self.schema is None:
            self.schema = merge_schemas([batch.schema])
        if batch.schema.equals(self.schema):
            return batch
        arrays = [_conformed(array, field) for array, field in zip(batch.columns, self.schema, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def _conformed(array: ArrowArray, field: pa.Field) -> ArrowArray:
    """An array as one of the type that the column had before."""
    try:
        if unify_types(field.type, array.type) == field.type:
            return convert_array(array, field.type)
    except ValueError:
        pass
    raise Unfit(
        f"column {quoted(field.name)} has values of several types, {field.type} and {array.type}: cast it in the query"
    )
