"""The request that the command line of a backfill gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from bulkq.cli.commands.backfill import command
from bulkq.cli.options import build_backfill
from bulkq.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    import click

    from bulkq.model import Run

TARGET = ("-t", "sqlite:///app.db")


def request(*arguments: str) -> Run:
    """What `bulkq backfill ARGUMENTS` asks for."""
    with cast("click.Command", command).make_context("backfill", [*TARGET, *arguments]) as ctx:
        return build_backfill.build(cast("Any", ctx.params), ctx)


def test_options_become_fields() -> None:
    """What is not given keeps its default."""
    found = request("--over", "t", "--set", "a = 1", "--where", "a is null", "--key", "b, c", "--max-rows", "70")
    assert found.backfill is not None
    made = found.backfill
    assert (made.over, made.key, made.assignments, made.where) == ("t", ("b", "c"), ("a = 1",), "a is null")
    assert (made.max_rows, made.min_rows, made.upper, made.count) == (70, 10, "fixed", "estimate")
    assert found.safety.write
    assert found.queries.selected[0].sql == "UPDATE t SET a = 1 WHERE :range AND (a is null)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--set a=1", "no table"),
        ("--over t", "nothing to do with t"),
        ("--over t --set a=1 --delete", "--delete and --set"),
        ("--over t --delete", "--delete without --where"),
        ("--over t --set a=1 --min-rows 9 --max-rows 8", "--min-rows 9 is more than --max-rows 8"),
        ("--over t --set a=1 --param b=1", "--param b"),
        ("q.sql:one --set a=1", "has the statement"),
        ("q.sql --over t", "has 2 queries"),
        ("q.sql:two", "range"),
        ("q.sql:one --apply q.sql:two", "are two queries"),
    ],
)
def test_contradictions_are_refused(
    arguments: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, before anything is opened."""
    monkeypatch.chdir(tmp_path)
    text = "-- name: one\n-- @over t\nupdate t set a = 1 where :range;\n-- name: two\n-- @over t\nupdate t set a = 2;\n"
    (tmp_path / "q.sql").write_text(text)
    with pytest.raises(UsageError, match=message):
        request(*arguments.split())
