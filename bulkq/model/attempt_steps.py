"""Statements of bulkq around the user's statement, in the transaction of an attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model.query import ParameterSet, Query


@frozen
class AttemptStep:
    """A statement of bulkq in the transaction of an attempt.

    Attributes:
        query: the statement; its name stands in front of its errors. The same object in every attempt: connections keep it
            prepared.
        params: its values, as text (`str | None`) that the database converts.
        rows: how many rows it has to change, or to give if it reads; None: any number.
        same: the rows that it has to give, in any order; None: they are not compared.
    """

    query: Query
    params: ParameterSet = ()
    rows: int | None = None
    same: Sequence[tuple[object, ...]] | None = None


@frozen
class AttemptSteps:
    """What stands around the user's statement in its transaction.

    Attributes:
        before: executed ahead of it, behind the claim.
        after: executed behind it.
        rollback: a rehearsal: the transaction ends with ROLLBACK, so nothing of it lasts, not even the claim.
    """

    before: tuple[AttemptStep, ...] = ()
    after: tuple[AttemptStep, ...] = ()
    rollback: bool = False
