"""The steps of an attempt as statements that a connection has prepared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from bulkq.model import AttemptStep, AttemptSteps, Query

S = TypeVar("S")


@frozen
class PreparedSteps(Generic[S]):
    """`AttemptSteps`, each with its statement."""

    before: Sequence[tuple[AttemptStep, S]]
    after: Sequence[tuple[AttemptStep, S]]
    rollback: bool


async def prepare_steps(steps: AttemptSteps, prepare: Callable[[Query], Awaitable[S]]) -> PreparedSteps[S]:
    """Prepare every step, before the transaction is opened.

    Raises:
        DatabaseError: the server refuses one of them; nothing was executed.
    """
    before = [(step, await prepare(step.query)) for step in steps.before]
    after = [(step, await prepare(step.query)) for step in steps.after]
    return PreparedSteps(before, after, steps.rollback)
