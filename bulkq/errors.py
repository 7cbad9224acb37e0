"""The exception tree. Each branch has the exit code that the command line ends with.

    BulkqError                      1
    ├── UsageError                  2   nothing of the user's was executed
    │   ├── QueryFileError          2   a .sql file, with file:line
    │   ├── ParameterError          2   a parameter source or one of its values
    │   └── MissingDriver           2   the package that a URL or format needs is not installed
    ├── TargetError                 3   the database cannot be reached or does not let us in
    │   └── NoRoom                  3   it is there, and takes no further connection
    ├── RefusedError                4   a safety rule says no
    │   └── LedgerNewer             4   the ledger was made by a newer version
    ├── LedgerError                 2   the ledger cannot be read or written; nothing more is sent
    │   └── TakenOver               4   another process has taken the run over
    ├── StoppedError                5   stopped early, consistent
    │   └── OutputClosed            5   the reader of our output closed it; reads end with 0
    ├── RunFailed                   1   raised by the Python API after the last row; has the summary
    ├── ObjectSkipped               -   an object of maintenance was not done
    ├── ObjectsApart                -   a command for several objects did not go through for all
    └── DatabaseError               -   one failed statement, as a driver reports it to the lane
        ├── AlreadyApplied          -   the marker of these parameter sets is there
        ├── NotOwner                -   another process has taken the run over
        └── RowsChanged             -   rows are not what they were when they were read

Messages are lower case, hold the value in quotes and say the next step. An error may carry several lines
(up to `MOST_LINES` of one phase together), each of which stands alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bulkq.model import Outcome, Phase, RunSummary

MOST_LINES = 20
"""The most errors of one phase that are listed; further ones are counted."""


class BulkqError(Exception):
    """The root of everything that bulkq raises on purpose; `str()` is one line, or one line per error."""

    exit_code = 1

    final = False
    """Whether a resume of the run that it stops would end with it, too, so that its message advises a new run."""

    def for_good(self) -> Self:
        """Mark it as `final`, and return it."""
        self.final = True
        return self

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle what it holds, since the arguments of `__init__` are not kept."""
        return _restore, (type(self), self.args, self.__dict__)


class UsageError(BulkqError):
    """Wrong option, file, value or configuration. No statement of the user's was executed."""

    exit_code = 2


class QueryFileError(UsageError):
    """A query file that cannot be understood; the message starts with `file:line`."""


class ParameterError(UsageError):
    """A parameter source that cannot be read, does not fit the query, or holds a bad value."""


class MissingDriver(UsageError):
    """A package is not installed; the message holds the exact command that installs it."""


class TargetError(BulkqError):
    """The target cannot be reached: host, port, password, database, file; the message says which."""

    exit_code = 3


class NoRoom(TargetError):
    """The server is there but has no connection left for us: lanes that have one go on without the others."""


class RefusedError(BulkqError):
    """A safety rule refuses; the message names the option that would allow it."""

    exit_code = 4


class LedgerNewer(RefusedError):
    """The ledger's schema is newer than this program: it would be read wrongly."""


class LedgerError(BulkqError):
    """The ledger cannot be read or written: disk full, read-only, truncated, unreachable. Nothing is sent after it."""

    exit_code = 2  # before the run; the runner stops with 5 when it happens later


class TakenOver(LedgerError):
    """The run in the ledger belongs to another process by now, which goes on with it."""

    exit_code = 4


class StoppedError(BulkqError):
    """The run stopped early and consistent: signal, deadline, fail-fast, max-failures, outage."""

    exit_code = 5


class OutputClosed(StoppedError):
    """The reader of an output has closed it (`bulkq ... | head`); the run drains without an error."""


class RunFailed(BulkqError):
    """At least one parameter set failed, or a backfill left rows. `summary` has the counts and the failures."""

    def __init__(self, summary: RunSummary) -> None:
        """Keep `summary`; the message has its counts and the first failure, or the reason of a backfill that left rows."""
        counts = f"{summary.failed} of {summary.tried} parameter sets failed"
        if summary.failures:
            first = summary.failures[0]
            state = f"[{first.sqlstate}] " if first.sqlstate else ""
            counts += f"; set {first.n}: {state}{first.message}"
        super().__init__(counts if summary.failed else summary.reason or counts)
        self.summary = summary


class ObjectSkipped(BulkqError):
    """An object of maintenance was not done, for a reason that may pass: a lock, a right, a warning of the server.

    Attributes:
        own: the message is bulkq's own, and holds names of the catalog and no values.
    """

    def __init__(self, message: str, *, own: bool = False) -> None:
        """Keep `own`."""
        super().__init__(message)
        self.own = own


class ObjectsApart(BulkqError):
    """A command for several objects of maintenance. All positions are in its batch.

    Attributes:
        done: of the objects that are done.
        ended: of those that are not, and are not tried again: outcome and reason.
        left: of those for which nothing was done, and which are tried one by one.
    """

    def __init__(self, done: Sequence[int], ended: Mapping[int, tuple[Outcome, str]], left: Sequence[int]) -> None:
        """Keep what is known of each."""
        super().__init__("the objects are done one by one")
        self.done = done
        self.ended = ended
        self.left = left


class DatabaseError(BulkqError):
    """One failed attempt, translated by a driver at its border; `policy.retry` reads it.

    Attributes:
        sqlstate: five characters, or None where the database has none. SQLite's are `SQLITE_...` names.
        phase: how far our own code had come; decides with `sqlstate` what is known about the attempt.
        position: index into the sets given to the attempt of the one that the server names as the culprit.
        offset: character offset of the error in `Query.sql`, 0-based, where the server gives a position.
        hint: the server's own hint.
        connection_lost: the session is gone or cannot be trusted; the lane must connect again.
        confirmed: after a cancel or timeout, the session is known to be idle or gone on the server.
        pid: the server process that may still be at it when `confirmed` is False.
        undone: nothing of the attempt lasts, as the driver has seen, though it ran outside a transaction of ours.
        broken_off: the statement ended the transaction of its batch; the batch's marker proves nothing then.
        together: one statement stood for all sets, so nothing is known of any of them.
        took_s: seconds of the attempt, if it was made before the one that reports it; None for the time of this one.
        abandoned: what was sent can be neither cancelled nor cut off, and goes on in a thread of ours: its lane has no successor.
    """

    def __init__(
        self,
        message: str,
        *,
        sqlstate: str | None,
        phase: Phase,
        position: int | None = None,
        offset: int | None = None,
        hint: str | None = None,
        connection_lost: bool = False,
        confirmed: bool = True,
        pid: int | None = None,
    ) -> None:
        """Keep what the lane and the failure record need of the driver's exception."""
        super().__init__(message)
        self.sqlstate = sqlstate
        self.phase = phase
        self.position = position
        self.offset = offset
        self.hint = hint
        self.connection_lost = connection_lost
        self.confirmed = confirmed
        self.pid = pid
        self.abandoned = False
        self.undone = False
        self.broken_off = False
        self.together = False
        self.took_s: float | None = None


class AlreadyApplied(DatabaseError):
    """A claim met its marker: the sets `first` of the claim to `last` were applied and changed `rows` rows.

    `ours`: the run still belongs to the process that claims, so that no other can have inserted the marker.
    """

    def __init__(self, last: int, rows: int, *, phase: Phase, ours: bool) -> None:
        """Keep what the marker says; it outranks what a process remembers."""
        super().__init__(f"already applied, up to {last}", sqlstate=None, phase=phase)
        self.last = last
        self.rows = rows
        self.ours = ours


class NotOwner(DatabaseError):
    """A claim found the run row with another owner, or none (`owner` is None: the row is gone)."""

    def __init__(self, owner: str | None, *, phase: Phase) -> None:
        """Keep who owns the run now."""
        super().__init__(f"the run belongs to {owner}" if owner else "the run row is gone", sqlstate=None, phase=phase)
        self.owner = owner


class RowsChanged(DatabaseError):
    """A step of an attempt gave other rows than were read before; the attempt is rolled back."""

    def __init__(self, rows: Sequence[tuple[object, ...]], *, sqlstate: str, phase: Phase) -> None:
        """Keep the rows that the step gave."""
        super().__init__("other sessions have changed rows since they were read", sqlstate=sqlstate, phase=phase)
        self.rows = rows


def join_errors(kind: type[UsageError], lines: Iterable[str]) -> UsageError:
    """Make one error of all `lines` of a phase: the first `MOST_LINES`, then how many more there are."""
    every = list(lines)
    shown = every[:MOST_LINES]
    if len(every) > len(shown):
        shown.append(f"and {len(every) - len(shown)} more")
    return kind("\n".join(shown))


def _restore(kind: type[BulkqError], arguments: tuple[object, ...], state: dict[str, object]) -> BulkqError:
    """Make an error again that was pickled."""
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(state)
    return error
