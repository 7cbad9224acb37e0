"""Options of parameter sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from bulkq.cli.commands import backfill, maintain
from bulkq.errors import UsageError

if TYPE_CHECKING:
    import click


@pytest.mark.parametrize(("command", "words"), [(backfill.command, []), (maintain.command, ["vacuum"])])
def test_a_command_without_shards_refuses_the_option(
    command: object, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also from the environment: each shard would otherwise do the whole of it."""
    made = cast("click.Command", command)
    with pytest.raises(UsageError, match=r"--shard 1/3: .* no shards"):
        made.make_context("x", [*words, "--shard", "1/3"])
    monkeypatch.setenv("BULKQ_SHARD", "1/3")
    with pytest.raises(UsageError, match="no shards"):
        made.make_context("x", [*words])
