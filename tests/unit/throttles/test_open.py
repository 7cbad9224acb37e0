"""Throttles by their expressions."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import UsageError
from bulkq.model.run import LimitOptions
from bulkq.throttles import ThrottleContext, check_throttles, check_windows, fix_paths, open_throttle, open_throttles
from bulkq.throttles.any_of import flat
from bulkq.throttles.base import PolledThrottle
from tests.support.throttles import DATABASE

if TYPE_CHECKING:
    from pathlib import Path


async def test_what_was_opened_is_closed_after_an_error() -> None:
    """One that cannot be opened leaves no task of another behind."""
    with pytest.raises(UsageError):
        async with AsyncExitStack() as stack:
            await open_throttle(["file:hold", f"file:{'x' * 300}"], stack)
    assert len(asyncio.all_tasks()) == 1


async def test_no_expression_is_no_throttle() -> None:
    """Without `--throttle` nothing is read."""
    async with AsyncExitStack() as stack:
        assert await open_throttle((), stack) is None
    assert check_throttles(["none"]) == ()
    assert check_throttles(["file:a", "lag<2s"]) == ("file:a", "lag<2s")


def test_none_stands_alone() -> None:
    """Beside another value it is not clear what is wanted."""
    with pytest.raises(UsageError, match='none: it cannot be combined with --throttle "none"'):
        check_throttles(["none", "none"])
    for texts in (["none", "file:a"], ["file:a", "none"]):
        with pytest.raises(UsageError, match='^--critical none: it cannot be combined with --critical "file:a": leave'):
            check_throttles(texts, "--critical")
    with pytest.raises(UsageError, match='^--window none: it cannot be combined with --window "22:00-06:00": leave'):
        check_windows(["none", "22:00-06:00"])


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("fil:hold", 'unknown signal "fil" (did you mean "file"?): use lag<2s, '),
        ("hold", 'unknown signal "hold": use lag<2s, '),
        ("file:", "the path is missing: use file:PATH"),
        ("file", "the path is missing: use file:PATH"),
    ],
)
def test_bad_expressions(expression: str, message: str) -> None:
    """An error quotes the expression and names the form."""
    with pytest.raises(UsageError) as raised:
        check_throttles([expression])
    assert str(raised.value).startswith(f'--throttle "{expression}": {message}')


def test_paths_are_made_absolute() -> None:
    """Those of files, and of queries in files; a query stays as it is."""
    here = os.getcwd()  # noqa: PTH109
    assert fix_paths(("file:a", "sql:b.sql", "sql:select 'b.sql'", "lag<2s")) == (
        f"file:{here}/a",
        f"sql:{here}/b.sql",
        "sql:select 'b.sql'",
        "lag<2s",
    )


async def test_a_signal_of_a_database_is_read_from_each_target() -> None:
    """The reason names the target if there are several."""
    both = ThrottleContext(targets=(("eu", DATABASE), ("us", DATABASE)))
    async with AsyncExitStack() as stack:
        throttle = await open_throttle(["sql:select 'closed'"], stack, both)
        assert throttle is not None
        assert throttle.reason() == "eu: sql: closed; us: sql: closed"


async def test_a_signal_that_the_database_does_not_give_is_refused() -> None:
    """It is an error before the start."""
    one = ThrottleContext(targets=(("db", DATABASE),))
    for expression in ("lag<2s", "wal<1MB/s", "active<5"):
        signal = expression.partition("<")[0]
        async with AsyncExitStack() as stack:
            with pytest.raises(
                UsageError, match=f"^--throttle {expression}: db: sqlite does not give the signal {signal} to bulkq$"
            ):
                await open_throttle([expression], stack, one)


async def test_a_target_has_throttles_of_its_own(tmp_path: Path) -> None:
    """They hold its lanes in each run that has a use for them; those of the command line are not read twice."""
    (tmp_path / "hold").touch()
    own = (f"file:{tmp_path / 'hold'}", "sql:select 'closed'", "commit<1s", "autovacuum", "sql:select 0")
    eu, us = replace(DATABASE, name="eu", throttle=own), replace(DATABASE, name="us")
    context = ThrottleContext(targets=(("eu", eu), ("us", us)))
    limits = LimitOptions(throttle=("sql:select 0",))
    async with AsyncExitStack() as stack:
        throttle = (await open_throttles(limits, stack, context)).throttle
        assert throttle is not None
        names = [(reading.target, reading.name) for reading in throttle.readings()]
        assert names == [("eu", "sql:select 0"), ("us", "sql:select 0"), ("eu", own[0]), ("eu", own[1])]
        assert throttle.reason() == f"eu: file {tmp_path / 'hold'} exists; eu: sql: closed"
        assert [one.owned for one in flat(throttle) if isinstance(one, PolledThrottle)] == [True, False, True, True]
        of_us = throttle.of("us")
        assert of_us is not None
        assert of_us.reason() is None
        none = await open_throttles(LimitOptions(target_throttles=False), stack, context)
        assert none.throttle is None
        writes = replace(
            context, writes=True, targets=(("eu", replace(DATABASE, throttle=("commit<1s", "http:http://h/"))),)
        )
        with pytest.raises(UsageError, match="cannot be read"):
            await open_throttles(LimitOptions(), stack, writes)
    assert list(writes.commits) == ["eu"]


async def test_commits_are_watched_only_where_there_are_any() -> None:
    """A run that reads has no commits to be slow."""
    reads, writes = ThrottleContext(), ThrottleContext(writes=True, targets=(("eu", DATABASE), ("us", DATABASE)))
    async with AsyncExitStack() as stack:
        with pytest.raises(UsageError, match="^--throttle commit<1s: the run commits no changes: leave it out$"):
            await open_throttle(["commit<1s"], stack, reads)
        throttle = await open_throttle(["commit<1s"], stack, writes)
        assert throttle is not None
        assert [reading.target for reading in throttle.readings()] == ["eu", "us"]
    assert (reads.commits, list(writes.commits)) == ({}, ["eu", "us"])
