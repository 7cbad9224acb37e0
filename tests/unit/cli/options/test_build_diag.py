"""The requests of `bulkq diag`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from bulkq.cli.commands.diag import run
from bulkq.cli.options import build_diag, build_run
from bulkq.errors import UsageError

if TYPE_CHECKING:
    import click


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [(("--as", "check", "-o", "a.csv"), "leave out --as check"), (("--max-rows", "3"), "add --as check")],
)
def test_options_of_the_other_form_are_refused(arguments: tuple[str, ...], advice: str) -> None:
    """Rows have no limit of shown rows, and checks have no output."""
    with (
        cast("click.Command", run).make_context("run", ["bloat", *arguments]) as ctx,
        pytest.raises(UsageError, match=advice),
    ):
        build_diag.check_options(cast("Any", ctx.params), ctx)


def test_rows_leave_no_record() -> None:
    """A run for rows has no ledger; that of checks has the one that is given."""
    arguments = ["bloat", "-t", "sqlite:///a.db", "--ledger", "none"]
    with cast("click.Command", run).make_context("run", arguments) as ctx:
        options = cast("Any", ctx.params)
        found = build_run.some_targets(options["target"], ctx)
        rows = build_diag.build_rows(options, ctx, (), found)
        checks = build_diag.build_checks(options, ctx, (), found)
    assert (rows.safety.ledger, rows.output.sections, rows.queries.name) == ("none", True, "diag")
    assert checks.run.safety.ledger == "none"
