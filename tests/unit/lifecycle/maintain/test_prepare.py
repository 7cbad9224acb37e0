"""What a maintenance run looks at first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.engine.stop_control import Control
from bulkq.errors import UsageError
from bulkq.tasks.maintain import maintain
from tests.support.notices import Notices

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulkq.model import Run


async def test_nothing_to_do_is_said(build: Callable[..., Run]) -> None:
    """With exit code 0; a name that means nothing is refused."""
    notices = Notices()
    summary = await maintain(build("analyze", "--exclude", "*"), control=Control(), observers=[notices])
    assert summary.exit_code == 0
    assert "no object is selected: nothing to do" in notices.lines
    notices = Notices()
    with pytest.raises(UsageError, match='--table "c": no object of analyze has this name'):
        await maintain(build("analyze", "--table", "c"), control=Control(), observers=[notices])
    assert notices.lines == []
