"""The sink of a check: counts rows, keeps the first ones as text, and what a comparison needs.

Memory does not grow with the result. What `@mask` names is masked before anything is kept.
"""

from __future__ import annotations

import json
import tempfile
from hashlib import blake2b
from typing import TYPE_CHECKING, BinaryIO, cast

from bulkq.checks.unmatched_rows import BUCKETS, Buckets
from bulkq.errors import DatabaseError
from bulkq.model import Decoding, Phase
from bulkq.model.own_error_states import RESULT_TOO_LARGE
from bulkq.sinks.csv_tsv import cell_text
from bulkq.text.characters import ShortenedText
from bulkq.text.mask import MASK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bulkq.model import BatchResult, Column, Query, SinkPosition

LONGEST_CELL = 1_000
"""Characters kept of one value: a report is read by people."""

IN_MEMORY_BYTES = 1 << 20
MOST_SPOOLED_BYTES = 512 << 20
"""Of each side of a comparison, on disk, to show which rows differ. Whether they do is known without it."""

DIGEST_BYTES = 16

Row = tuple[str | None, ...]


class CheckSink:
    """The answer of one check for one parameter set.

    Args:
        sample: rows that are kept.
        mask: names of columns whose values are not kept, in any case of letters.
        most_rows: a result with more is an error.
        compared: keep what a comparison with another answer needs.
    """

    decoding = Decoding.TEXT

    def __init__(self, *, sample: int, mask: Sequence[str], most_rows: int, compared: bool = False) -> None:
        self.notices: list[str] = []
        self._most_sampled = sample
        self._mask = frozenset(name.casefold() for name in mask)
        self._most_rows = most_rows
        self._compared = compared
        self._file: BinaryIO | None = None
        self._forget()

    def _forget(self) -> None:
        self.count = 0
        self.columns: tuple[Column, ...] = ()
        self.value: str | None = None  # of the first column of the first row, not masked
        self.sample: list[Row] = []
        self.buckets = Buckets()  # of all rows, whatever their order; filled where they are compared
        self.whole = True  # whether every row can be read again
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()

    @property
    def masked(self) -> tuple[str, ...]:
        """Names of the columns whose values are masked, as the result has them."""
        return tuple(column.name for column in self.columns if column.name.casefold() in self._mask)

    @property
    def unknown_masks(self) -> tuple[str, ...]:
        """Names in `@mask` that the result has no column for: a name that was mistyped hides nothing."""
        names = {column.name.casefold() for column in self.columns}
        return tuple(sorted(self._mask - names))

    def describe(self, query: Query, columns: tuple[Column, ...]) -> None:
        """Any columns will do."""

    def encode(self, result: BatchResult) -> tuple[object, int]:
        """The result itself, which is looked at and forgotten in `write`."""
        return result, 0

    async def write(self, payload: object) -> None:
        """Look at a piece of the answer; see `take`."""
        self.take(cast("BatchResult", payload))

    def take(self, result: BatchResult) -> None:
        """Count rows, keep the first.

        Raises:
            DatabaseError: there are more than a check may have, or they cannot be kept for a comparison.
        """
        self.columns = result.columns or self.columns
        if not self.count and result.rows and result.values:
            self.value = _text(result.values[0][0])
        wanted = self._most_sampled - len(self.sample)
        if wanted > 0 and result.values:
            self.sample.extend(masked(row, self._hidden()) for row in _rows(result, wanted))
        self.count += result.rows
        if self.count > self._most_rows:
            raise DatabaseError(
                f"the result is too large: more than {self._most_rows:,} rows: count them in SQL, or raise --max-rows",
                sqlstate=RESULT_TOO_LARGE,
                phase=Phase.SENT,
            )
        if self._compared:
            self._spool(result)

    def rows(self, buckets: frozenset[int]) -> Iterator[Row]:
        """The rows of some buckets again, as they came, unmasked; only where `whole`, and before `close`."""
        if self._file is not None:
            self._file.seek(0)
            for line in self._file:
                if _digest(line) % BUCKETS in buckets:
                    yield tuple(json.loads(line))

    def hide(self, row: Row) -> Row:
        """`row` as it may be shown."""
        return masked(row, self._hidden())

    def mark(self) -> int:
        """The answer begins."""
        return 0

    def back_to(self, mark: int) -> None:
        """Forget it: it is asked for again, or it failed."""
        del mark
        self._forget()

    def positions(self) -> tuple[SinkPosition, ...]:
        """None: nothing can be continued."""
        return ()

    async def fsync(self) -> None:
        """Nothing to put on disk."""

    async def close(self, *, complete: bool) -> None:
        """Give back what was kept for a comparison."""
        del complete
        self.discard()

    def discard(self) -> None:
        """Give back what was kept for a comparison."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _hidden(self) -> frozenset[int]:
        return frozenset(i for i, column in enumerate(self.columns) if column.name.casefold() in self._mask)

    def _spool(self, result: BatchResult) -> None:
        if self._file is None:
            self._file = cast("BinaryIO", tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES))  # noqa: SIM115 - closed by `discard`
        lines = [f"{json.dumps(row, ensure_ascii=True)}\n".encode() for row in _rows(result, result.rows, cut=False)]
        for line in lines:
            self.buckets.add(_digest(line))
        if not self.whole:
            return
        try:
            self._file.writelines(lines)
            self.whole = self._file.tell() <= MOST_SPOOLED_BYTES
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise DatabaseError(
                f"the rows to compare cannot be kept in {tempfile.gettempdir()}: {reason}",
                sqlstate=None,
                phase=Phase.SENT,
            ) from error


def _digest(line: bytes) -> int:
    return int.from_bytes(blake2b(line, digest_size=DIGEST_BYTES).digest(), "big")


def masked(row: Row, hidden: frozenset[int]) -> Row:
    """`row` without the values at `hidden`, except that NULL stays NULL."""
    if not hidden:
        return row
    return tuple(MASK if i in hidden and value is not None else value for i, value in enumerate(row))


def _rows(result: BatchResult, most: int, *, cut: bool = True) -> Iterator[Row]:
    for row in zip(*(column[:most] for column in result.values), strict=True):
        yield tuple(shortened(_text(value)) if cut else _text(value) for value in row)


def _text(value: object) -> str | None:
    return None if value is None else cell_text(value)


def shortened(text: str | None) -> str | None:
    """`text` as much as a report may show of it."""
    return text if text is None or len(text) <= LONGEST_CELL else ShortenedText(text, LONGEST_CELL)
