"""Which texts a type's input function refuses: the search for them, and whose fault an error is. Pure; shared by PostgreSQL's drivers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bulkq.drivers.lists import list_of_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bulkq.model import ParameterSet

MOST = 20
"""Bad values of a parameter that are looked for, where each costs a round trip: a report shows no more."""

OF_THE_SESSION = ("08", "53", "57")
"""Classes of errors that say that the connection or the server is gone, has no room, or was told to stop."""

Error = tuple[int | None, str, str]
"""Which of the values given was at fault (None: not known), its SQLSTATE, its message."""


def of_the_value(state: str | None) -> bool:
    """Whether an error that an input function raised is the fault of its value: an extension may give it any SQLSTATE."""
    return state is not None and not state.startswith(OF_THE_SESSION)


@dataclass(slots=True)
class Texts:
    """The values of one parameter as texts, with their positions, and those that cannot be sent."""

    sound: list[tuple[int, str]] = field(default_factory=list)
    refused: list[tuple[int, str, str, str]] = field(default_factory=list)  # position, value, SQLSTATE, message

    def add(self, position: int, text: str) -> None:
        """Take a text; NUL is a character that the protocol cannot carry."""
        if "\0" in text:
            self.refused.append((position, text, "22021", "a text value cannot hold the character NUL"))
        else:
            self.sound.append((position, text))


def texts_of(
    sets: Sequence[ParameterSet], index: int, *, is_list: bool, convert: Callable[[object], object] | None = None
) -> Texts:
    """The texts of the parameter at `index`; of a list, those of its values; NULL has none.

    Args:
        sets: the parameter sets.
        index: into a set.
        is_list: the values are JSON arrays or array literals.
        convert: what the driver makes of a value before it sends it; a ValueError refuses it.
    """
    found = Texts()
    for position, values in enumerate(sets):
        value = values[index]
        if value is None:
            continue
        try:
            items = list_of_text(value) if is_list else [str(convert(value) if convert else value)]
        except ValueError as error:
            found.refused.append((position, str(value), "22P02" if is_list else "22000", str(error)))
            continue
        for item in items:
            if item is not None:
                found.add(position, item)
    return found


class Search:
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
