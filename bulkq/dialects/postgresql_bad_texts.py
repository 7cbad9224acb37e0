"""Find the texts that a type's input function rejects, and the set that an error belongs to. Pure, for all drivers of PostgreSQL."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, TypeVar

from bulkq.model.frozen_dataclass import mutable
from bulkq.text.array_literals import list_of_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bulkq.model import ParameterSet

Key = TypeVar("Key")

MOST = 20
"""Bad values of a parameter that are looked for, where each costs a round trip: a report shows no more."""

OF_THE_SESSION = ("08", "53", "57")
"""Classes of errors that say that the connection or the server is gone, has no room, or was told to stop."""

Error = tuple[int | None, str, str]
"""Which of the values given was at fault (None: not known), its SQLSTATE, its message."""


RAISED = "exec_stmt_raise"
"""The server's function that executes RAISE of PL/pgSQL (src/pl/plpgsql/src/pl_exec.c): the state is the author's choice."""


def of_the_value(state: str | None, source: str | None = None) -> bool:
    """Whether an error that an input function raised is the fault of its value: an extension may give it any SQLSTATE.

    Args:
        state: the SQLSTATE.
        source: the server's function that reported the error; None: not known.
    """
    return state is not None and (source == RAISED or not state.startswith(OF_THE_SESSION))


Entry = tuple[int, int, str]
"""The position of a set, the index of a parameter, and a text."""


@mutable
class ParameterTexts:
    """The values of parameters of one type as texts, in the order of their sets, and those that cannot be sent."""

    sound: list[Entry] = field(default_factory=list)
    refused: list[tuple[int, int, str, str, str]] = field(default_factory=list)  # an entry, its SQLSTATE, a message

    def add(self, position: int, index: int, text: str) -> None:
        """Take a text; NUL is a character that the protocol cannot carry."""
        if "\0" in text:
            self.refused.append((position, index, text, "22021", "a text value cannot hold the character NUL"))
        else:
            self.sound.append((position, index, text))


def texts_of(
    sets: Sequence[ParameterSet],
    indexes: Sequence[int],
    *,
    is_list: bool,
    convert: Callable[[object], object] | None = None,
) -> ParameterTexts:
    """The texts of the parameters at `indexes`; of a list, those of its values; NULL has none.

    Args:
        sets: the parameter sets.
        indexes: into a set, of parameters of one type.
        is_list: the values are JSON arrays or array literals.
        convert: what the driver makes of a value before it sends it; a ValueError refuses it.
    """
    found = ParameterTexts()
    for position, values in enumerate(sets):
        for index in indexes:
            value = values[index]
            if value is None:
                continue
            try:
                items = list_of_text(value) if is_list else [str(convert(value) if convert else value)]
            except ValueError as error:
                state = "22P02" if is_list else "22000"
                found.refused.append((position, index, str(value), state, str(error)))
                continue
            for item in items:
                if item is not None:
                    found.add(position, index, item)
    return found


def groups(columns: Iterable[tuple[int, Key]]) -> dict[Key, list[int]]:
    """Parameters of the same type: a statement of thousands of parameters is checked with one question for each type."""
    found: dict[Key, list[int]] = {}
    for index, key in columns:
        found.setdefault(key, []).append(index)
    return found


class BadTextSearch:
    """Finds the bad ones of `count` values by converting spans of them; at most about `most`, because each costs a round trip."""

    def __init__(self, count: int, most: int = MOST) -> None:
        self._spans = [range(count)] if count else []
        self._most = most
        self.found: list[tuple[int, str, str]] = []
        """Index, SQLSTATE and message of each bad value."""

    def next(self) -> range | None:
        """The values to convert next, together; None at the end."""
        if len(self.found) >= self._most:
            return None
        return self._spans.pop() if self._spans else None

    def answer(self, span: range, error: Error | None) -> None:
        """Take the first error of converting `span`; None: there is none. Spans are searched in ascending order."""
        if error is None:
            return
        place, state, message = error
        if place is None and len(span) > 1:
            middle = len(span) // 2
            self._spans += [span[middle:], span[:middle]]
            return
        at = place or 0
        self.found.append((span[at], state, message))
        if at + 1 < len(span):
            self._spans.append(span[at + 1 :])
