"""Commands through the ledger, in a file; the contract tests have them on servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.ledger import open_ledger
from bulkq.ledger.command_mailbox import CommandMailbox

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_command_is_answered_once(tmp_path: Path) -> None:
    """In order, only to its run; an answer stays; a command that is withdrawn is gone, with its answer if it has one."""
    ledger = await open_ledger(str(tmp_path / "ledger.db"))
    box = CommandMailbox(ledger.database)
    assert [await box.send("a", "ann@x", '{"do": 1}'), await box.send("a", "bob@y", "{}")] == [1, 2]
    assert await box.send("b", "ann@x", "{}") == 1
    first, second = await box.waiting("a")
    assert (first.number, first.by, first.request, second.by) == (1, "ann@x", '{"do": 1}', "bob@y")
    await box.answer("a", 1, "done")
    await box.answer("a", 1, "done twice")
    assert await box.answered("a", 1) == "done"
    assert await box.withdraw("a", 1) == "done"
    assert await box.withdraw("a", 1) is None
    assert await box.withdraw("a", 2) is None
    assert await box.answered("a", 2) is None
    assert await box.waiting("a") == ()
    assert len(await box.waiting("b")) == 1
    await box.discard("b")
    assert await box.waiting("b") == ()
    await ledger.close()
