"""What the documentation says of retries and markers is what the program does."""

from __future__ import annotations

import re
from pathlib import Path

from bulkq import markers
from bulkq.policy.retry import ACTIONS

EXPLANATION = Path(__file__).parents[2] / "docs" / "explanation"
ROW = re.compile(r"^\| `(\w+)` \| [^|]+ \| (\w+) \|", re.MULTILINE)


def test_rows_are_those_of_the_program() -> None:
    """Every state that is tried again stands in the document with what is done about it, and no other."""
    rows = ROW.findall((EXPLANATION / "outcomes.md").read_text(encoding="utf-8"))
    assert len(rows) == len(ACTIONS)
    assert dict(rows) == {state: str(action) for state, action in ACTIONS.items()}


def test_what_a_dba_is_given_is_what_is_made() -> None:
    """The statements in the document make the tables, and give the rights, that a write asks for."""
    block = (
        (EXPLANATION / "exactly-once.md")
        .read_text(encoding="utf-8")
        .split("## Tables that a DBA makes")[1]
        .split("```")[1]
    )
    said = " ".join(block.removeprefix("sql").split())
    for statement in markers.create(markers.tables(None, dialect="postgres"), "postgres"):
        assert statement.replace("IF NOT EXISTS ", "").replace('"', "") in said
    assert f"GRANT {markers.RIGHTS} ON {markers.RUNS}, {markers.MARKERS} TO" in said
