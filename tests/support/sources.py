"""Sources by hand, and sources that are opened and read to their end."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from bulkq.model import Batch, Parameter, PlaceholderKind, Query
from bulkq.sources import Request, open_source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.model import ParameterSet
    from bulkq.protocols import ParameterSource
    from bulkq.sources import Rows

MOST_BATCHES = 100_000


def query(*declared: str | Parameter, file: str | None = "q.sql") -> Query:
    """A query with parameters, each a `Parameter` or written `name`, `name:type` or `name*`."""
    return Query(name="q", sql="select 1", parameters=tuple(map(_parameter, declared)), file=file)


def _parameter(declared: str | Parameter) -> Parameter:
    if isinstance(declared, Parameter):
        return declared
    name, _, kind = declared.partition(":")
    if name.endswith("*"):
        return Parameter(name[:-1], PlaceholderKind.LIST, kind or None)
    return Parameter(name, type=kind or None)


async def opened(
    specs: str | Sequence[str],
    wanted: Query,
    *,
    text: bool = True,
    constants: Mapping[str, str] | None = None,
    null: str | None = None,
    extra: bool = False,
    stdin: io.BytesIO | None = None,
    fmt: str | None = None,
    rows: Rows | None = None,
) -> ParameterSource:
    """The source; more than one spec make a grid."""
    names = (specs,) if isinstance(specs, str) else tuple(specs)
    request = Request(
        specs=names,
        constants=constants or {},
        format=fmt,
        null=null,
        ignore_extra_columns=extra,
        grid=len(names) > 1,
        stdin=stdin,
    )
    return await open_source(request, wanted, text=text, rows=rows)


async def batches(source: ParameterSource, size: int = 3) -> list[Batch]:
    """All batches of `size`, after which the source is closed."""
    found: list[Batch] = []
    try:
        while (batch := await source.take(size, len(found))) is not None:
            assert len(found) < MOST_BATCHES
            found.append(batch)
    finally:
        await source.close()
    return found


async def sets(source: ParameterSource, size: int = 3) -> list[tuple[object, ...]]:
    """All parameter sets."""
    return [one for batch in await batches(source, size) for one in batch.sets]


async def origins(source: ParameterSource, size: int = 3) -> list[int]:
    """The line of every parameter set."""
    return [line for batch in await batches(source, size) for line in batch.lines]


AB = query("a", "b")
Flat = list[tuple[int, tuple[object, ...], str]]


def flat(found: Sequence[Batch]) -> Flat:
    """Number, values and origin of every set."""
    return [(b.first + i, one, b.origin(i)) for b in found for i, one in enumerate(b.sets)]


class Given:
    """A source of ready batches, each with lines or without."""

    typed = True
    replayable = False
    total = None

    def __init__(self, *parts: tuple[list[ParameterSet], Sequence[int]] | Exception) -> None:
        self.left = list(parts)
        self.n = 0

    async def take(self, size: int, index: int) -> Batch | None:
        if not self.left:
            return None
        part = self.left.pop(0)
        if isinstance(part, Exception):
            raise part
        first = self.n + 1
        self.n += len(part[0])
        return Batch(index, first, part[0], part[1], "stdin" if part[1] else "")

    def fraction(self) -> float | None:
        return None

    async def close(self) -> None:
        self.left.clear()


async def stdin(rows: int) -> ParameterSource:
    content = "a,b\n" + "".join(f"{i},x\n\n" for i in range(1, rows + 1))
    return await open_source(Request(specs=("-",), format="csv", stdin=io.BytesIO(content.encode())), AB, text=True)
