"""Opens sources for the tests of this folder and reads them to the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model import Parameter, PlaceholderKind, Query
from bulkq.sources import Request, open_source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from io import BytesIO

    from bulkq.model import Batch
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
    stdin: BytesIO | None = None,
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
