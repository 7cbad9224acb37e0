"""The request of `bulkq check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from bulkq.cli.commands.check import command
from bulkq.cli.options import build_check
from bulkq.errors import UsageError

if TYPE_CHECKING:
    import click

    from bulkq.tasks.check.open_check import CheckRequest


def build(*arguments: str) -> CheckRequest:
    """The request of a command line."""
    with cast("click.Command", command).make_context("check", [*arguments]) as ctx:
        options = cast("Any", ctx.params)
        build_check.want_paths(options)
        targets = build_check.targets_of(options, ctx)
        return build_check.build(options, ctx, build_check.select_checks(options, targets), targets)


def test_options_become_a_request() -> None:
    """A shard has every N-th check, and knows which the others have."""
    texts = [word for number in range(3) for word in ("-e", f"-- @expect value = {number}\nselect {number}")]
    made = build(*texts, "-t", "sqlite:///a.db", "--shard", "2/2", "--max-rows", "5")
    assert [query.sql for query in made.run.queries.selected] == ["select 1"]
    assert [query.sql for query in made.elsewhere] == ["select 0", "select 2"]
    assert made.most_rows == 5
    assert build("-e", "select 1", "--allow-empty").run.targets.selected == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-t", "sqlite:///a.db"), "no path: name a folder or file with checks"),
        (("-e", "select 1"), "no target"),
        (("-e", "-- @expect rows ~ 1\nselect 1", "-t", "sqlite:///a.db"), "@expect"),
        (("-e", "select :a", "-t", "sqlite:///a.db", "-t", "sqlite:///b.db", "-p", "-"), "can be read only once"),
        (("-e", "select 1", "-t", "sqlite:///a.db", "-t", "sqlite:///b.db", "--targets-sql", "select 1"), "on one database"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(arguments: tuple[str, ...], message: str) -> None:
    """Before anything is connected to."""
    with pytest.raises(UsageError, match=message):
        build(*arguments)
