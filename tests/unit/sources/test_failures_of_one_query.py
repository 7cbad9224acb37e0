"""A `--failures` file with the failures of several queries, and constants that are for several."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import ParameterError
from bulkq.model import Query
from bulkq.sources import Request, open_source
from bulkq.sources.bind_columns import check_constants
from tests.support.sources import batches, query, sets

if TYPE_CHECKING:
    from bulkq.protocols import ParameterSource


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def named(name: str, *parameters: str) -> Query:
    return Query(name=name, sql="", parameters=query(*parameters).parameters, file="q.sql")


def line(n: int, name: str | None, **params: object) -> str:
    one: dict[str, object] = {"n": n, "query": name, "params": params, "outcome": "rolled_back"}
    if name is None:
        del one["query"]
    return json.dumps(one)


BOTH = [line(1, "x", a=1), line(2, "y", b=2), line(3, "x", a=3), line(4, "y", b=4)]


def file(lines: list[str], name: str = "f.jsonl") -> str:
    Path(name).write_text("\n".join(lines) if name.endswith("l") else f"[{','.join(lines)}]")
    return name


async def source(spec: str, wanted: Query, *, several: bool = False) -> ParameterSource:
    return await open_source(Request(specs=(spec,)), wanted, text=True, unused_constants_ok=several)


@pytest.mark.parametrize("size", [1, 3, 10])
@pytest.mark.parametrize("name", ["f.jsonl", "f.json"])
async def test_each_query_has_its_own_lines(name: str, size: int) -> None:
    """Of failures of several queries, each gets those that name it; lines and positions are those of the file."""
    spec = file(BOTH, name)
    assert await sets(await source(spec, named("x", "a")), size) == [("1",), ("3",)]
    found = await batches(await source(spec, named("y", "b")), size)
    assert [one for b in found for one in b.sets] == [("2",), ("4",)]
    if name == "f.jsonl":
        assert [b.origin(i) for b in found for i in range(len(b.sets))] == ["f.jsonl:2", "f.jsonl:4"]
    for stop, batch in enumerate(found, 1):
        rest = await open_source(Request(specs=(spec,)), named("y", "b"), text=True, start=batch.end)
        assert [b.sets for b in await batches(rest, size)] == [b.sets for b in found[stop:]]


async def test_failures_of_one_query() -> None:
    """They are for whatever query is run, and so are lines that name none."""
    assert await sets(await source(file(BOTH[::2]), named("mended", "a"))) == [("1",), ("3",)]
    assert await sets(await source(file([line(1, None, a=1)]), named("mended", "a"))) == [("1",)]


async def test_failures_of_others() -> None:
    """A query that runs alone is told; among several, it has nothing to do."""
    spec = file(BOTH)
    with pytest.raises(ParameterError) as caught:
        await sets(await source(spec, named("z", "a")))
    assert str(caught.value) == 'f.jsonl: failures of "x", "y", none of "z": keep the lines of one query'
    assert await sets(await source(spec, named("z", "a"), several=True)) == []


async def test_a_line_that_names_no_query() -> None:
    """After lines that do, it is an error."""
    with pytest.raises(ParameterError, match=r'^f\.jsonl:2: no "query"; the lines before it have one$'):
        await sets(await source(file([BOTH[0], line(2, None, a=1)]), named("x", "a")))


async def test_failures_from_a_pipe() -> None:
    """Nobody can look ahead there: the lines of the query, or of one other."""

    async def piped(lines: list[str], wanted: Query) -> list[tuple[object, ...]]:
        stdin = io.BytesIO("\n".join(lines).encode())
        return await sets(await open_source(Request(specs=("-",), stdin=stdin), wanted, text=True))

    assert await piped(BOTH, named("x", "a")) == [("1",), ("3",)]
    assert await piped(BOTH[::2], named("mended", "a")) == [("1",), ("3",)]
    with pytest.raises(ParameterError) as caught:
        await piped(BOTH, named("y", "b"))
    assert str(caught.value) == (
        'stdin:2: a failure of "y" after those of "x": send the failures of one query through a pipe'
    )


async def test_a_file_that_is_broken_further_down() -> None:
    """Looking for names finds it, and closes the file."""
    with pytest.raises(ParameterError, match=r"^f\.jsonl:2: not JSON"):
        await sets(await source(file([BOTH[0], "{"]), named("z", "a")), 1)
    file([BOTH[0], BOTH[1]], "g.jsonl")
    Path("g.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(ParameterError, match=r"^g\.jsonl\.gz:1: not compressed with gzip"):
        await source("g.jsonl.gz", named("x", "a"))


async def test_constants_of_several_queries() -> None:
    """A constant that another query takes is no error where that is said; one that none takes is found over all."""
    first, second = named("x", "a"), named("y", "b")
    request = Request(constants={"a": "1", "b": "2"})
    with pytest.raises(ParameterError, match=r"^--param b: q\.sql:x has no parameter :b"):
        await open_source(request, first, text=True)
    for one, expected in ((first, ("1",)), (second, ("2",))):
        assert await sets(await open_source(request, one, text=True, unused_constants_ok=True)) == [expected]
    check_constants([first, second], request.constants)
    with pytest.raises(ParameterError) as caught:
        check_constants([first, second], {"aa": "1"})
    assert str(caught.value) == '--param aa: no query has a parameter :aa (did you mean "a"?)'
