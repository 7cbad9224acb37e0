"""Numbers of changed rows, which not every database library gives. Pure."""

from __future__ import annotations

UNCOUNTED = -1
"""Rows changed, where the database library does not say how many."""


def changed_in_all(*changed: int) -> int:
    """Rows changed in all, which is not known where one of the numbers is not."""
    return UNCOUNTED if UNCOUNTED in changed else sum(changed)


def changed_number(changed: int) -> int | None:
    """Rows changed as programs read them: None where that is not known."""
    return None if changed == UNCOUNTED else changed


def changed_text(changed: int) -> str:
    """Rows changed as people read them: `?` where that is not known."""
    return "?" if changed == UNCOUNTED else str(changed)
