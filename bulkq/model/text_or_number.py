"""A text that spells a number: text for most databases and the number for SQLite, in a run over targets of both kinds."""

from __future__ import annotations


class TextOrNumber(str):
    """Text for a target that has types, and the number that it spells for SQLite, where a run has targets of both."""

    __slots__ = ("number",)
    number: float

    def __new__(cls, text: str, number: float) -> TextOrNumber:
        """`text`, which is bound as `number` by SQLite."""
        made = super().__new__(cls, text)
        made.number = number
        return made

    def __index__(self) -> int:
        """For libraries that want an integer.

        Raises:
            TypeError: it is none.
        """
        return self.number.__index__()  # type: ignore[attr-defined,no-any-return]

    def __float__(self) -> float:
        """For libraries that want a double."""
        return float(self.number)
