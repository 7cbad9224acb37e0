"""Commands to a run through the ledger, for processes on other hosts: they put them in, the run takes them out and answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select, update

from bulkq.ledger.schema import COMMANDS
from bulkq.model.run_event import SentCommand

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from bulkq.ledger.database_connection import LedgerDatabase


class CommandMailbox:
    """The commands to runs in one ledger.

    Args:
        database: of an open ledger.
    """

    def __init__(self, database: LedgerDatabase) -> None:
        self._database = database

    async def send(self, run: str, by: str, request: str) -> int:
        """Put a command in. Return its number.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        return await self._database.write(_insert, run, by, request)

    async def waiting(self, run: str) -> tuple[SentCommand, ...]:
        """The commands to `run` that are not answered, the oldest first.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        return await self._database.read(_unanswered, run)

    async def answer(self, run: str, number: int, answer: str) -> None:
        """Answer a command. One that was withdrawn, or has an answer, stays as it is.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        await self._database.write(_answer, run, number, answer)

    async def answered(self, run: str, number: int) -> str | None:
        """The answer of a command; None if there is none yet.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        return await self._database.read(_answered, run, number)

    async def withdraw(self, run: str, number: int) -> str | None:
        """Take a command out. Return its answer; None if it has got none, and then it is not carried out any more.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        return await self._database.write(_withdraw, run, number)

    async def discard(self, run: str) -> None:
        """Remove commands that were sent to an earlier process of the run and not answered.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        await self._database.write(_discard, run)


def _insert(connection: Connection, run: str, by: str, request: str) -> int:
    # One sender at a time gets a number; the transaction of the ledger's file excludes others anyway.
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"bulkq commands {run}"))))
    last = connection.scalar(select(func.max(COMMANDS.c.number)).where(COMMANDS.c.run == run)) or 0
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    values = {"run": run, "number": last + 1, "at": at, "made_by": by, "request": request}
    connection.execute(insert(COMMANDS).values(values))
    return int(last) + 1


def _unanswered(connection: Connection, run: str) -> tuple[SentCommand, ...]:
    wanted = select(COMMANDS.c.number, COMMANDS.c.at, COMMANDS.c.made_by, COMMANDS.c.request)
    wanted = wanted.where(COMMANDS.c.run == run, COMMANDS.c.answer.is_(None)).order_by(COMMANDS.c.number)
    return tuple(SentCommand(*row) for row in connection.execute(wanted))


def _answer(connection: Connection, run: str, number: int, answer: str) -> None:
    wanted = update(COMMANDS).where(COMMANDS.c.run == run, COMMANDS.c.number == number, COMMANDS.c.answer.is_(None))
    connection.execute(wanted.values(answer=answer))


def _answered(connection: Connection, run: str, number: int) -> str | None:
    wanted = select(COMMANDS.c.answer).where(COMMANDS.c.run == run, COMMANDS.c.number == number)
    found: str | None = connection.scalar(wanted)
    return found


def _withdraw(connection: Connection, run: str, number: int) -> str | None:
    mine = COMMANDS.c.run == run, COMMANDS.c.number == number
    found: str | None = connection.execute(delete(COMMANDS).where(*mine).returning(COMMANDS.c.answer)).scalar()
    return found


def _discard(connection: Connection, run: str) -> None:
    connection.execute(delete(COMMANDS).where(COMMANDS.c.run == run, COMMANDS.c.answer.is_(None)))
