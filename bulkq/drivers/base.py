"""Defaults for everything that is optional in a driver, and a check that lists what a driver lacks.

A library with blocking calls does not need it: see `bulkq.drivers.dbapi.library_driver`. `docs/drivers.md` helps to choose.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Generic, TypeVar

from bulkq.errors import UsageError
from bulkq.protocols import Connection, Driver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from types import ModuleType

    from bulkq.model import AttemptSteps, BadValue, Claim, Limits, ParameterSet, Reply
    from bulkq.protocols import Statement

S = TypeVar("S")

KEPT_STATEMENTS = 64
"""Prepared statements of a session at most: identifiers that change with every set must not fill the memory."""

OPENING = ("url", "application_name", "read_only")
"""The parameters of a driver module's `open`."""


class BaseConnection:
    """Defaults for the optional methods of a connection; see `bulkq.protocols.Connection`.

    The default `stream` holds a whole result in memory. The default `check` accepts every value.
    """

    async def attempt(
        self,
        statement: Statement,
        sets: Sequence[ParameterSet],
        limits: Limits,
        *,
        claim: Claim | None = None,
        before_commit: Callable[[int], None] | None = None,
        steps: AttemptSteps | None = None,
    ) -> Reply:
        """Execute `statement` for every set; each driver has its own."""
        raise NotImplementedError

    async def stream(self, statement: Statement, params: ParameterSet, limits: Limits) -> AsyncIterator[Reply]:
        """Yield the rows of one set, in one piece."""
        yield await self.attempt(statement, [params], limits)

    async def copy(self, statement: Statement, delimiter: str, limits: Limits, write: Callable[[bytes], object]) -> int:  # noqa: ARG002
        """Raise, because the database has no COPY and `Capabilities.copies` is False.

        Raises:
            UsageError: always.
        """
        raise UsageError("this driver cannot send a result as CSV")

    async def check(self, statement: Statement, sets: Sequence[ParameterSet]) -> list[BadValue]:  # noqa: ARG002
        """Return no bad value."""
        return []

    async def why_apart(self, statement: Statement) -> str:  # noqa: ARG002
        """Return why each set of a batch of reads is executed by itself; "" if one statement may stand for all of them.

        A driver with `Capabilities.sets_together` asks the database where the text is not enough. It executes nothing of the user.
        """
        return "the driver executes each set by itself"


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


def missing(module: ModuleType | type, driver: object, connection: object) -> list[str]:
    """Return what a driver still lacks, one line each, with what to do.

    Args:
        module: of the driver, or its class.
        driver: the result of its `open`.
        connection: the result of the driver's `connect`.
    """
    found = []
    opening = getattr(module, "open", None)
    if opening is None or not set(OPENING) <= set(inspect.signature(opening).parameters):
        found.append(f"{module.__name__} has no open({OPENING[0]}, *, {', '.join(OPENING[1:])}): write it")
    for thing, protocol, role in ((driver, Driver, "driver"), (connection, Connection, "connection")):
        for name, wanted in _required(protocol).items():
            there = getattr(thing, name, None)
            if there is None:
                found.append(f"the {role} has no {name}: {_first_line(wanted)}")
            elif callable(wanted) and not _takes(there, wanted):
                found.append(f"{name} of the {role} does not take {', '.join(_parameters(wanted))}: add them")
    return found


def _required(protocol: type) -> dict[str, object]:
    methods = {name: value for name, value in vars(protocol).items() if callable(value) and not name.startswith("_")}
    return dict.fromkeys(inspect.get_annotations(protocol)) | methods


def _parameters(function: Callable[..., object]) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


def _takes(there: object, wanted: Callable[..., object]) -> bool:
    return callable(there) and set(_parameters(wanted)) <= set(inspect.signature(there).parameters)


def _first_line(wanted: object) -> str:
    text = inspect.getdoc(wanted) if callable(wanted) else "an attribute, see bulkq.protocols"
    return (text or "").partition("\n")[0]
