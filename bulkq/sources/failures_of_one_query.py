"""Select the lines of a `--failures` file that belong to a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import ParameterError
from bulkq.model.frozen_dataclass import frozen
from bulkq.text.message_parts import listed, quoted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bulkq.sources.object_reader_protocol import ObjectReader

HELPING = 1_000
"""Lines that are read at a time while the names in a file are gathered."""


@frozen
class FeedQuery:
    """For whom a feed reads."""

    query: str  # name
    several: bool  # the run has other queries, for which the other lines may be
    again: Callable[[], Awaitable[ObjectReader]] | None  # reads the same file once more; None: it comes but once


@frozen
class LineChoice:
    """The lines to give: those of the query `name`; every other one is left out, or is an error where `alone`."""

    name: str
    alone: bool

    def takes(self, failure: dict[str, object], origin: str) -> bool:
        """Whether `failure`, which stands at `origin`, is to be given.

        Raises:
            ParameterError: the query of the line cannot be determined.
        """
        found = failure.get("query")
        if found == self.name:
            return True
        if not isinstance(found, str):
            raise ParameterError(f'{origin}: no "query"; the lines before it have one')
        if self.alone:
            raise ParameterError(
                f"{origin}: a failure of {quoted(found)} after those of {quoted(self.name)}: "
                "send the failures of one query through a pipe"
            )
        return False


async def choose_lines(first: dict[str, object], name: str, whose: FeedQuery) -> LineChoice | None:
    """What to take from the file `name`, whose first line is `first`; None where all lines are for the query.

    They are when no line says of which query it is, or all say the same: then the user runs another query over them.

    Raises:
        ParameterError: the failures are of several queries, and this one, which runs alone, is none of them.
    """
    found = first.get("query")
    if not isinstance(found, str):
        return None
    if found == whose.query:
        return LineChoice(found, alone=False)
    if whose.again is None:
        return LineChoice(found, alone=True)
    names = await _names(await whose.again(), whose.query)
    if len(names) == 1:
        return None
    if whose.query not in names and not whose.several:
        raise ParameterError(
            f"{name}: failures of {listed(sorted(names))}, none of {quoted(whose.query)}: keep the lines of one query"
        )
    return LineChoice(whose.query, alone=False)


async def _names(reader: ObjectReader, wanted: str) -> set[str]:
    """The names in the file; not all of them once `wanted` is among them."""
    names: set[str] = set()
    try:
        while wanted not in names and (found := await reader.objects(HELPING)) is not None:
            names.update(str(one["query"]) for one in found[0] if "query" in one)
    finally:
        reader.close()
    return names
