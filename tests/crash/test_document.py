"""The table of docs/reliability.md and that of the program say the same."""

from __future__ import annotations

import re
from pathlib import Path

from bulkq.policy.retry import ACTIONS

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
ROW = re.compile(r"^\| `(\w+)` \| [^|]+ \| (\w+) \|", re.MULTILINE)


def test_rows_are_those_of_the_program() -> None:
    """Every state that is tried again stands in the document with what is done about it, and no other."""
    rows = ROW.findall(DOCUMENT.read_text(encoding="utf-8"))
    assert len(rows) == len(ACTIONS)
    assert dict(rows) == {state: str(action) for state, action in ACTIONS.items()}
