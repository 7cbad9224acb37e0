"""Every database of a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.errors import TargetError, UsageError
from bulkq.lifecycle.maintain.all_databases import on_all_databases
from bulkq.model import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.model import Run


async def test_a_server_must_answer(build: Callable[..., Run]) -> None:
    """A file has no other databases; the only server must be reached."""
    made = build("vacuum")
    with pytest.raises(UsageError, match="has no other databases"):
        await on_all_databases(made)
    with pytest.raises(TargetError):
        await on_all_databases(made.on((Target(url="postgresql://127.0.0.1:1/x"),)))
