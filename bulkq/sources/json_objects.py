"""JSON objects as rows: picks the wanted keys out of many objects at once."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

from bulkq.errors import ParameterError
from bulkq.sources.bind_columns import missing_text, unused_text
from bulkq.sources.column_feed import ColumnBlock
from bulkq.sources.failures_of_one_query import choose_lines
from bulkq.sources.json_codec import json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bulkq.model import SourcePosition
    from bulkq.sources.column_feed import WantedColumns
    from bulkq.sources.failures_of_one_query import FeedQuery, LineChoice
    from bulkq.sources.object_reader_protocol import ObjectBlock, ObjectReader


APPLIED = "ok"
"""The outcome in a `--failures` file of a set that was applied and only lost its answer."""


class ObjectFeed:
    """A feed over a reader of objects. The lines of a `--failures` file stand for the `params` in them."""

    plain = False
    native = False

    def __init__(self, reader: ObjectReader, whose: FeedQuery) -> None:
        """Read from `reader` for the query of `whose`; `look` may follow."""
        self._reader = reader
        self._whose = whose
        self._chosen: LineChoice | None = None
        self._held: ObjectBlock | None = None
        self._failures: bool | None = None
        self._constants: frozenset[str] = frozenset()
        self.name = reader.name
        self.columns: tuple[str, ...] | None = None
        self.total: int | None = None
        self.replayable = reader.replayable

    async def look(self) -> tuple[str, ...]:
        """The keys of the first object, before reading; () if there is no object."""
        self._held = await self._objects(1)
        return tuple(self._held[0][0]) if self._held else ()

    def want(self, wanted: WantedColumns) -> None:
        """Remember the keys."""
        self._wanted = wanted
        self._constants = wanted.constants

    async def read(self, most: int) -> ColumnBlock | None:
        """The next objects.

        Raises:
            ParameterError: a key is missing or unused.
        """
        found, self._held = self._held or await self._objects(most), None
        if found is None:
            return None
        objects, lines, escaped = found
        if self._failures:
            self._refuse_masked()

        def fail(position: int, why: str) -> ParameterError:
            return ParameterError(f"{self.name}:{lines[position]}: {why}")

        columns = pick_keys(objects, self._wanted, fail)
        if escaped:
            _check_characters(columns, self._wanted.names, fail)
        return ColumnBlock(len(objects), columns, lines)

    def position(self, n: int) -> SourcePosition | None:
        """Behind the last object that was given."""
        return self._reader.position(n)

    async def go_on(self, start: SourcePosition) -> bool:
        """In a file that is proven the same; its first object says what kind of file it is."""
        if not start.digest:
            return False
        await self._objects(1)
        self._reader.go_on(start)
        return True

    def fraction(self) -> float | None:
        """By bytes."""
        return self._reader.fraction()

    async def close(self) -> None:
        """Close the file."""
        self._reader.close()

    async def _objects(self, most: int) -> ObjectBlock | None:
        while (found := await self._reader.objects(most)) is not None:
            objects, lines, escaped = found
            if self._failures is None:
                self._failures = "outcome" in objects[0] and isinstance(objects[0].get("params"), dict)
                if self._failures:
                    self._chosen = await choose_lines(objects[0], self.name, self._whose)
            if not self._failures:
                return found
            # What was applied and only lost its answer stands there for people; to run it again would do it twice.
            pairs = [(one, line) for one, line in zip(objects, lines, strict=True) if one.get("outcome") != APPLIED]
            if self._chosen is not None:
                pairs = [(one, line) for one, line in pairs if self._chosen.takes(one, f"{self.name}:{line}")]
            if pairs:
                return [self._params(one, line) for one, line in pairs], [line for _, line in pairs], escaped
        return None

    def _params(self, failure: dict[str, object], line: int) -> dict[str, object]:
        params = failure.get("params")
        if not isinstance(params, dict):
            raise ParameterError(
                f'{self.name}:{line}: no "params", but earlier lines are from a --failures file: keep the lines of one kind'
            )
        return {name: value for name, value in params.items() if name not in self._constants}

    def _refuse_masked(self) -> None:
        if self._wanted.secret:
            name = self._wanted.secret[0]
            raise ParameterError(
                f"{self.name}: a --failures file does not contain values of secret parameters: "
                f"give :{name} of {self._wanted.place} with --param, or use the original source"
            )


def pick_keys(
    objects: Sequence[Mapping[str, object]], wanted: WantedColumns, fail: Callable[[int, str], ParameterError]
) -> list[Sequence[object]]:
    """The values of the wanted keys, a column for each.

    Args:
        objects: at least one.
        wanted: the keys, in the order of the result.
        fail: makes the error for the object at a position.
    """
    names = wanted.names
    try:
        columns: list[Sequence[object]] = [list(map(itemgetter(name), objects)) for name in names]
    except KeyError:
        columns = [_with_default(objects, name, wanted, fail) for name in names]
        exact = False
    else:
        exact = set(map(len, objects)) == {len(names)}
    if not (exact or wanted.ignore_extra):
        known = {*names, *wanted.others}
        for position, one in enumerate(objects):
            if not known.issuperset(one):
                unused = [str(k) for k in one if k not in known]
                raise fail(position, unused_text("key", unused, wanted.place, advice=wanted.advice))
    return columns


def _with_default(
    objects: Sequence[Mapping[str, object]],
    name: str,
    wanted: WantedColumns,
    fail: Callable[[int, str], ParameterError],
) -> Sequence[object]:
    if name in wanted.defaults:
        default = wanted.defaults[name]
        return [one.get(name, default) for one in objects]
    for position, one in enumerate(objects):
        if name not in one:
            raise fail(position, missing_text("key", name, list(map(str, one)), wanted.place))
    return list(map(itemgetter(name), objects))


def _check_characters(
    columns: Sequence[Sequence[object]], names: Sequence[str], fail: Callable[[int, str], ParameterError]
) -> None:
    """Refuse what an escape can write and UTF-8 or a database cannot: half a surrogate pair, NUL."""
    for name, column in zip(names, columns, strict=True):
        for position, value in enumerate(column):
            nested = isinstance(value, dict | list)
            if not nested and not isinstance(value, str):
                continue
            text = json_text(value) if nested else str(value)
            if "\0" in text or (nested and "\\u0000" in text):
                raise fail(position, f'a NUL character in "{name}", which no database accepts in text: remove it')
            try:
                text.encode()
            except UnicodeEncodeError:
                raise fail(
                    position, f'half a surrogate pair in "{name}", which is not a character: remove it'
                ) from None
