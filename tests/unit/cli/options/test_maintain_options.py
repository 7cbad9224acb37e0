"""The options of `bulkq maintain`."""

from __future__ import annotations

from bulkq.cli.commands.maintain import command
from bulkq.cli.commands.plan.maintain import maintain
from bulkq.cli.options.build_maintain import ONLY_FOR
from bulkq.cli.options.maintain_options import START


def test_the_plan_has_the_options() -> None:
    """Both commands take the same, among them those to start with and those of single commands."""
    names = {parameter.name for parameter in command.params}
    assert {*START, *ONLY_FOR} <= names
    assert {parameter.name for parameter in maintain.params} == names
