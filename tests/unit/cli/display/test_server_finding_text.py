"""What a server says against a query, as lines."""

from __future__ import annotations

from bulkq.cli.display.server_finding_text import finding_lines
from bulkq.tasks.server_lint import Finding


def test_a_finding_is_one_line_and_its_caret() -> None:
    """The place comes first, for editors; then the target, if there are several, the state and the hint."""
    found = Finding(place="a.sql:2", message="column\n  x", sqlstate="42703", caret="select x\n       ^", hint="y")
    assert finding_lines(found, "prod: ") == ["a.sql:2: prod: 42703 column x (hint: y)", "    select x", "           ^"]
