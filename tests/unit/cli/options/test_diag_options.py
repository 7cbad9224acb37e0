"""The options of `bulkq diag`."""

from __future__ import annotations

from bulkq.cli.commands.diag import every, run
from bulkq.cli.options.build_diag import CHECKS_ONLY, ROWS_ONLY


def test_both_commands_have_the_options() -> None:
    """Those of one form of the result are there in both, and refused where they have no effect."""
    for command in (run, every):
        names = {parameter.name for parameter in command.params}
        assert {"as_", "target", "param", "report", *ROWS_ONLY, *CHECKS_ONLY} <= names
