"""What a server says against a query that it prepared, as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bulkq.tasks.server_lint import Finding


def finding_lines(finding: Finding, on: str = "") -> list[str]:
    """Return `users.sql:12: 42703 column ...` and, if the position is known, the line with a caret; `on` names the target."""
    state = f"{finding.sqlstate} " if finding.sqlstate else ""
    hint = f" (hint: {finding.hint})" if finding.hint else ""
    first = f"{finding.place}: {on}{state}{' '.join(finding.message.split())}{hint}"
    return [first, *(f"    {line}" for line in finding.caret.splitlines())]
