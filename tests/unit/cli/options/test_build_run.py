"""The request that the command line of a run gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from bulkq.cli.commands.run import command
from bulkq.cli.options import build_run
from bulkq.errors import UsageError

if TYPE_CHECKING:
    import click

    from bulkq.model import Run


def request(*arguments: str) -> Run:
    """What `bulkq run -e QUERY ARGUMENTS` asks for."""
    given = ["-t", "sqlite:///app.db", "-e", "select :id", *arguments]
    with cast("click.Command", command).make_context("run", given) as ctx:
        return build_run.build(cast("Any", ctx.params), ctx)


def test_a_query_is_not_divided() -> None:
    """Its rows may differ from shard to shard; files, ranges and pipes are the same for all."""
    specs = ("ids.csv", "range:id=1..9", "-")
    assert request(*(word for spec in specs for word in ("-p", spec)), "--shard", "1/3").sources.specs == specs
    assert request("-p", "sql:select 1").sources.shard is None
    for spec in ("sql:select 1", "@q.sql:ids"):
        with pytest.raises(UsageError, match="each shard would run the query itself"):
            request("-p", spec, "--shard", "1/3")


@pytest.mark.parametrize("option", [["--grid"], ["--null", "N"], ["--params-format", "csv"]])
def test_options_of_params_need_it(option: list[str]) -> None:
    """They would be ignored without `-p`; a default of the environment is no mistake."""
    with pytest.raises(UsageError, match=f"{option[0]} is for the sets of -p"):
        request(*option)
