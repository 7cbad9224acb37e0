"""A signal that is read once a second in the background."""

from __future__ import annotations

import asyncio
import time

from bulkq.errors import BulkqError, DatabaseError, UsageError
from bulkq.model.throttle_readings import Reading, Unit
from bulkq.policy.throttle_expressions import ThrottleExpression, quantity_text

EVERY_S = 1.0
"""Time between two readings, in seconds, unless the run has another."""

UNREAD_S = 15.0
"""A reading that is older, in seconds, says nothing any more: its throttle holds the lanes."""

READ_S = 5.0
"""A reading may take this time, in seconds. Then it is given up, and another one begins."""

CANCEL_S = 0.5
"""A reading that was cancelled and does not end is cancelled again after this time, in seconds."""

OPEN_S = 15.0
"""The first reading may take this time, in seconds, with what comes before it."""


class PolledThrottle:
    """Reads a signal every `every_s`, so that `reason` answers at once. A subclass implements `read`.

    Fails closed: a signal that cannot be read, or is not read for `UNREAD_S`, is a reason to wait.

    Args:
        name: of the signal, for people.
        every_s: seconds between two readings; None: `EVERY_S`.
        expression: of the signal; None: its name alone.
        target: label of the database that gives it; None if it holds all targets.
    """

    def __init__(
        self,
        name: str,
        every_s: float | None = None,
        *,
        expression: ThrottleExpression | None = None,
        target: str | None = None,
    ) -> None:
        self.name = name
        self.expression = expression or ThrottleExpression(name, name)
        self.limit = self.expression.limit
        """From this value on, in the unit of the expression, the lanes wait."""

        self.owned = False
        """Whether the configuration has it for its target: then a run may lower its limit, and not raise it."""

        self._target = target
        self._every_s = every_s
        self._reason: str | None = f"{name} was not read yet"
        self._shown = ""
        self._number: float | None = None
        self._read_s = time.monotonic()
        self._known_s: float | None = None  # when it was last read without an error
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Prepare the readings. By default nothing is to be done.

        Raises:
            OSError, BulkqError: the signal cannot be had.
        """

    async def read(self) -> str | None:
        """Read the signal. Return the reason to wait; None if there is none.

        Raises:
            OSError, DatabaseError, TargetError: it cannot be read.
        """
        raise NotImplementedError

    async def give_up(self) -> None:
        """Put away what a reading used that has failed or did not end. By default there is nothing."""

    async def open(self) -> None:
        """Read the signal once, and go on reading it until `close`.

        Raises:
            UsageError: it cannot be read.
            TargetError, RefusedError: its database cannot be reached, or the role lacks a right.
        """
        try:
            await self._read_first()
        except BaseException:
            await self.give_up()
            raise
        self._task = asyncio.create_task(self._poll())

    async def _read_first(self) -> None:
        try:
            async with asyncio.timeout(OPEN_S):
                await self.begin()
                self._set(await self.read(), known=True)
        except TimeoutError:
            raise UsageError(f"--throttle: {self.name} cannot be read: no answer within {OPEN_S:g}s") from None
        except (OSError, DatabaseError) as error:
            raise UsageError(f"--throttle: {self._unreadable(error)}") from error

    def reason(self) -> str | None:
        """Return why the lanes have to wait; None if they need not."""
        age_s = time.monotonic() - self._read_s
        if age_s < UNREAD_S:
            return self._reason
        return f"{self.name} was not read for {age_s:.0f}s"

    def load(self) -> float | None:
        """Return the value divided by its limit; None if the signal has two states and no scale."""
        return self._number / self.limit if self._number is not None and self.limit else None

    def readings(self) -> tuple[Reading, ...]:
        """Return the last reading."""
        reading = Reading(
            name=self.expression.text,
            signal=self.expression.signal,
            target=self._target,
            value=self._shown,
            number=self._number,
            limit=self.limit,
            unit=self.expression.unit,
            load=self.load(),
            reason=self.reason(),
            age_s=None if self._known_s is None else time.monotonic() - self._known_s,
        )
        return (reading,)

    def of(self, target: str) -> PolledThrottle | None:
        """Return the throttle if it holds the lanes of `target`."""
        return self if self._target in {None, target} else None

    async def close(self) -> None:
        """Stop reading."""
        task, self._task = self._task, None
        while task is not None and not task.done():
            task.cancel()  # a reading that ends at this moment may swallow it: asyncio.wait_for of Python 3.11 does
            await asyncio.wait((task,), timeout=CANCEL_S)
        await self.give_up()

    def note(self, shown: str, number: float | None = None) -> None:
        """Note the value of the signal, for people and as a number."""
        self._shown, self._number = shown, number

    def compare(self, value: float, whose: str = "") -> str | None:
        """Note the value, and return the reason to wait if it has reached the limit.

        Args:
            value: of the signal, in the unit of the expression.
            whose: the value is, for people.
        """
        unit, limit = self.expression.unit or Unit.NUMBER, self.limit or 0.0
        self.note(quantity_text(value, unit), value)
        if value < limit:
            return None
        return f"{self.name} {self._shown} >= {quantity_text(limit, unit)}{f' ({whose})' if whose else ''}"

    async def _poll(self) -> None:
        task = self._task
        while self._task is task:
            await asyncio.sleep(EVERY_S if self._every_s is None else self._every_s)
            try:
                async with asyncio.timeout(READ_S):
                    self._set(await self.read(), known=True)
            except TimeoutError:  # the last reading counts until it is too old
                await self.give_up()
            except (OSError, BulkqError) as error:
                self._set(self._unreadable(error))
                await self.give_up()

    def _set(self, reason: str | None, *, known: bool = False) -> None:
        self._reason, self._read_s = reason, time.monotonic()
        if known:
            self._known_s = self._read_s

    def _unreadable(self, error: OSError | BulkqError) -> str:
        cause = error.strerror if isinstance(error, OSError) else None
        text = cause.lower() if cause else str(error).partition("\n")[0]
        return f"{self.name} cannot be read: {text}"
