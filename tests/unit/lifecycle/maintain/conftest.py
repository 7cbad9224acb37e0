"""A maintenance run over a SQLite file, from a command line."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, cast

import pytest

from bulkq.cli.commands.maintain import command
from bulkq.cli.options import build_maintain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import click

    from bulkq.model import Run

SCRIPT = "create table a (id integer primary key, v text); create index av on a (v); create table b (id int)"


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Run]:
    """Builds the request of `bulkq maintain` on `app.db`, recorded in `ledger.db`."""
    with sqlite3.connect(tmp_path / "app.db") as opened:
        opened.executescript(SCRIPT)

    def make(*arguments: str) -> Run:
        common = ["-t", f"sqlite:///{tmp_path}/app.db", "--ledger", f"sqlite:///{tmp_path}/ledger.db"]
        with cast("click.Command", command).make_context("maintain", [*common, *arguments]) as ctx:
            return build_maintain.build(cast("Any", ctx.params), ctx)

    return make
