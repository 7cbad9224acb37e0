"""Throttles by their expressions."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from bulkq.errors import UsageError
from bulkq.throttles import check_throttles, open_throttle


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
    assert check_throttles(["file:a", "file:b"]) == ("file:a", "file:b")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("fil:hold", '--throttle "fil:hold": unknown signal "fil" (did you mean "file"?): use file:PATH'),
        ("hold", '--throttle "hold": unknown signal "hold": use file:PATH'),
        ("file:", '--throttle "file:": the path is missing: use file:PATH'),
        ("file", '--throttle "file": the path is missing: use file:PATH'),
    ],
)
def test_bad_expressions(expression: str, message: str) -> None:
    """An error quotes the expression and names the form."""
    with pytest.raises(UsageError) as raised:
        check_throttles([expression])
    assert str(raised.value) == message
