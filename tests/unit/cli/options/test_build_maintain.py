"""The request of `bulkq maintain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from bulkq.cli.commands.maintain import command
from bulkq.cli.options import build_maintain
from bulkq.errors import UsageError

if TYPE_CHECKING:
    import click

    from bulkq.model import Run


def build(*arguments: str) -> Run:
    """The request of a command line."""
    with cast("click.Command", command).make_context("maintain", ["-t", "sqlite:///app.db", *arguments]) as ctx:
        return build_maintain.build(cast("Any", ctx.params), ctx)


def test_options_become_a_request() -> None:
    """A command has no time limit unless one is given; its only parameter is the object."""
    made = build("vacuum", "--select", "dead > 10%", "--order", "size", "--order", "canary:a,rest", "--parallel", "2")
    assert made.maintenance is not None
    assert (made.maintenance.command, made.maintenance.order, made.maintenance.parallel) == ("vacuum", "size", 2)
    assert made.targets.canaries == ("a",)
    assert made.limits.timeout_s is None
    assert [one.name for one in made.queries.selected[0].parameters] == ["object"]
    assert build("vacuum", "--buffer-usage-limit", "256MB").maintenance.buffer_usage_limit == "256MB"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["vacuum", "--select", "deda > 1"], r'--select "deda > 1": column 1: unknown column'),
        (["vacuum", "--order", "dad"], r'--order "dad": no such order \(did you mean "dead"\?\)'),
        (["vacuum", "--repair"], "--repair is for indexes: leave it out for vacuum"),
        (["reindex", "--skip-locked"], "--skip-locked is for vacuum, freeze, analyze"),
        (["vacuum", "--buffer-usage-limit", "1GB'); drop"], "is not a size: write for example 256MB"),
        (["vacuum", "--buffer-usage-limit", "GB"], "is not a size"),
        (["vacuum", "--buffer-usage-limit", "127"], '"127": must be 0, or from 128kB to 16GB'),
        (["vacuum", "--buffer-usage-limit", "17GB"], "must be 0, or from 128kB to 16GB"),
        (["vacuum", "--full", "--buffer-usage-limit", "1MB"], "add --analyze, or leave it out"),
        (["vacuum", "--full", "--parallel", "2"], "--parallel has no effect with --full"),
        (["vacuum", "--select", ""], "a condition is missing"),
        (["vacuum", "--table", ""], '--table "": the name is empty'),
        (["vacuum", "--exclude", "a", "--exclude", ""], '--exclude "": the name is empty'),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], message: str) -> None:
    """Before anything is connected to."""
    with pytest.raises(UsageError, match=message):
        build(*arguments)
