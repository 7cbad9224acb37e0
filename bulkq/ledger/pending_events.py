"""The events of a run that wait for the next group commit."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkq.ledger.row_conversion import Row

MOST_WAITING = 1_000
"""Events that wait at most; further ones are left out. A commit takes place several times a second."""

LONGEST = 2_000
"""Characters of a text at most."""

LONGEST_DATA = 20_000
"""Characters of the data at most; longer data are left out."""


class EventLog:
    """Numbers and collects events. Nothing here fails: what cannot be kept is left out.

    Args:
        number: of the first event.
    """

    def __init__(self, number: int = 1) -> None:
        self._number = number
        self._waiting: list[Row] = []

    def add(self, kind: str, text: str, by: str, data: Mapping[str, object] | None) -> None:
        """Add an event of this moment."""
        if len(self._waiting) >= MOST_WAITING:
            return
        self._waiting.append(
            {
                "number": self._number,
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "kind": kind,
                "made_by": _storable(by),
                "text": _storable(text),
                "data": _json(data),
            }
        )
        self._number += 1

    def take(self) -> list[Row]:
        """The events since the last call, without the run."""
        taken, self._waiting = self._waiting, []
        return taken


def _storable(text: str) -> str:
    """`text` as every database takes it: without NUL and half characters, in one line."""
    return " ".join(text[:LONGEST].replace("\0", "").encode(errors="replace").decode().split())


def _json(data: Mapping[str, object] | None) -> str | None:
    if data is None:
        return None
    try:
        made = json.dumps(data, default=str)  # in ASCII, which every database takes
    except (TypeError, ValueError):
        return None
    return made if len(made) <= LONGEST_DATA else None
