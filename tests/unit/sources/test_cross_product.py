"""Grids, and rows that a query gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.errors import DatabaseError, ParameterError
from bulkq.model import Parameter, Phase
from tests.support.sources import batches, opened, query, sets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bulkq.sources import Rows


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.csv").write_text("region\neu\nus\n")
    (tmp_path / "k.jsonl").write_text('{"kind":"x","day":1}\n{"kind":"y","day":2}\n')
    (tmp_path / "empty.csv").write_text("region\n")
    (tmp_path / "empty.jsonl").write_text("")


REGIONS = ("r.csv", "k.jsonl")


@pytest.mark.parametrize("size", [1, 3, 100])
async def test_first_source_varies_slowest(size: int) -> None:
    """Every combination once, in the order of the sources, in the order of the query's parameters."""
    wanted = query("n", "region", "kind", "day", Parameter("c", default="d", has_default=True), "k")
    source = await opened(("range:n=1..2", *REGIONS), wanted, constants={"k": "v"})
    assert (source.total, source.typed, source.replayable, source.fraction()) == (8, False, True, 0.0)
    assert await sets(source, size) == [
        (n, region, kind, day, "d", "v")
        for n in ("1", "2")
        for region in ("eu", "us")
        for kind, day in (("x", "1"), ("y", "2"))
    ]
    assert source.fraction() == 1.0


async def test_total_with_a_file_first() -> None:
    """The size of a file that is streamed is known at its end."""
    source = await opened(("r.csv", "range:n=1..3"), query("n", "region"), text=False)
    assert source.total is None
    assert source.fraction() == 7 / 13
    found = await batches(source, 2)
    assert [b.first for b in found] == [1, 3, 5]
    assert found[0].sets == [(1, "eu"), (2, "eu")]
    assert source.total == 6


@pytest.mark.parametrize(
    "specs", [("r.csv", "empty.csv"), ("range:n=1..3", "empty.csv"), ("empty.csv", "range:n=1..3")]
)
async def test_nothing_times_something(specs: tuple[str, str]) -> None:
    """A source without rows makes a grid without sets."""
    wanted = query("region") if specs[0] == "r.csv" else query("n", "region")
    if specs[0] == "r.csv":
        with pytest.raises(ParameterError, match=r"^r.csv:1: :region is given by two sources of the grid$"):
            await opened(specs, wanted)
        return
    source = await opened(specs, wanted)
    assert await sets(source) == []
    assert source.total == 0
    assert source.fraction() == 1.0


async def test_grids_that_do_not_fit() -> None:
    """Two sources for a parameter, none, a column too many: each is one line, and everything is closed."""
    for specs, wanted, message in [
        (("r.csv", "range:region=1..2"), query("region"), "r.csv:1: :region is given by two sources of the grid"),
        (
            REGIONS,
            query("region", "kind", "day", "n"),
            '--grid: no column "n" for :n of q.sql:q; there are "region", "kind", "day"',
        ),
        (
            ("r.csv", "range:n=1..2"),
            query("n"),
            'r.csv:1: column "region" is not used by q.sql:q: remove it, or use --extra-columns ignore',
        ),
        (("empty.jsonl", "r.csv"), query("n", "region"), '--grid: no column "n" for :n of q.sql:q; there is "region"'),
        (("-", "-"), query("n"), "-p -: standard input can only be read once"),
        (("r.csv", "nothing.csv"), query("n"), "nothing.csv: no such file"),
    ]:
        with pytest.raises(ParameterError) as caught:
            await opened(specs, wanted)
        assert str(caught.value) == message


def pieces(*parts: tuple[tuple[str, ...], list[list[object]]] | Exception, closed: list[bool] | None = None) -> Rows:
    """Rows that give `parts`."""

    async def rows(_: object) -> AsyncIterator[tuple[tuple[str, ...], list[list[object]]]]:
        try:
            for part in parts:
                if isinstance(part, Exception):
                    raise part
                yield part
        finally:
            if closed is not None:
                closed.append(True)

    return rows


AB = query("a", "b")


@pytest.mark.parametrize("size", [1, 2, 100])
async def test_rows_of_a_query(size: int) -> None:
    """Pieces of any size, empty ones too, give sets in order; numbers and truth values become text."""
    rows = pieces(
        (("b", "a"), [[], []]), (("b", "a"), [["x", None], [1, True]]), ((), []), (("b", "a"), [["z"], ["2"]])
    )
    source = await opened("sql:select b, a from t", AB, rows=rows)
    assert (source.total, source.replayable, source.fraction()) == (None, False, None)
    found = await batches(source, size)
    assert [one for b in found for one in b.sets] == [("1", "x"), ("true", None), ("2", "z")]
    assert (found[0].source, found[0].lines) == ("", ())


async def test_names_that_come_with_the_rows() -> None:
    """SQLite does not describe a query: its first piece may be without names."""
    rows = pieces(((), []), (("a", "b"), [["1"], ["2"]]))
    assert await sets(await opened("sql:select", AB, rows=rows)) == [("1", "2")]


@pytest.mark.parametrize("parts", [(), (((), []),), ((("a", "b"), [[], []]),)])
async def test_a_query_without_rows(parts: tuple[tuple[tuple[str, ...], list[list[object]]], ...]) -> None:
    """No rows are no sets, whether or not the database names the columns."""
    assert await sets(await opened("sql:select", AB, rows=pieces(*parts))) == []


def refused() -> DatabaseError:
    return DatabaseError('relation "t" does not exist', sqlstate="42P01", phase=Phase.PREPARING)


async def test_errors_of_a_query() -> None:
    """What the database says is an error of the source, at once or on the way; the query is ended."""
    closed: list[bool] = []
    with pytest.raises(ParameterError) as caught:
        await opened(
            "sql:select a,\n b from a_table_with_a_name_of_very_many_letters", AB, rows=pieces(refused(), closed=closed)
        )
    assert (
        str(caught.value) == 'sql:select a, b from a_table_with_a_name_of_very_many_let...: relation "t" does not exist'
    )
    assert closed == [True]
    source = await opened("sql:select", AB, rows=pieces((("a", "b"), [["1"], ["2"]]), refused()))
    assert await source.take(5, 0) is not None
    with pytest.raises(ParameterError, match=r"^sql:select: relation"):
        await source.take(5, 1)
    await source.close()


async def test_columns_and_values_of_a_query() -> None:
    """They are checked like those of a file."""
    with pytest.raises(ParameterError, match=r'^sql:select: no column "b" for :b of q.sql:q; there is "a"$'):
        await opened("sql:select", AB, rows=pieces((("a",), [["1"]])))
    with pytest.raises(ParameterError, match=r'^sql:select: two columns are named "a"$'):
        await opened("sql:select", AB, rows=pieces((("a", "a"), [["1"], ["2"]])))
    source = await opened("sql:select", query("a:int"), text=False, rows=pieces((("a",), [["1", 2, "x"]])))
    with pytest.raises(ParameterError, match=r'^sql:select: column "a": "x" is not an int'):
        await sets(source, 10)


async def test_leaving_a_query_early_ends_it() -> None:
    """The connection behind it is free again."""
    closed: list[bool] = []
    source = await opened("sql:select", AB, rows=pieces((("a", "b"), [["1"], ["2"]]), closed=closed))
    await source.close()
    await source.close()
    assert closed == [True]


async def test_rows_that_cannot_be_closed() -> None:
    """An iterator without `aclose` will do."""

    class Once:
        def __init__(self) -> None:
            self.left = [(("a",), [["1"]])]

        def __aiter__(self) -> Once:
            return self

        async def __anext__(self) -> tuple[tuple[str, ...], list[list[str]]]:
            if not self.left:
                raise StopAsyncIteration
            return self.left.pop()

    assert await sets(await opened("sql:select", query("a"), rows=lambda _: Once())) == [("1",)]  # type: ignore[arg-type,return-value]
