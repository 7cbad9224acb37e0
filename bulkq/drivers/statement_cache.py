"""The prepared statements of one session, each found by what it was prepared from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

S = TypeVar("S")

KEPT_STATEMENTS = 64
"""Prepared statements of a session at most: identifiers that change with every set must not fill the memory."""


class StatementCache(Generic[S]):
    """The prepared statements of one session. One too many forgets all of them."""

    def __init__(self) -> None:
        self._statements: dict[tuple[object, ...], S] = {}

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._statements)

    async def find(self, key: tuple[object, ...], prepare: Callable[[], Awaitable[S]]) -> S:
        """Return the statement of `key`, from `prepare` if it is new."""
        known = self._statements.get(key)
        if known is not None:
            return known
        statement = await prepare()
        if len(self._statements) >= KEPT_STATEMENTS:
            self._statements.clear()
        self._statements[key] = statement
        return statement

    def clear(self) -> None:
        """Forget all."""
        self._statements.clear()
