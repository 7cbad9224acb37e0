"""What one attempt does in its transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model.batch import Claim, Limits
    from bulkq.model.query import ParameterSet


@frozen
class AttemptPlan:
    """The steps of one attempt, in their order: `claim`, `before`, the user's statement for `sets`, `after`; then the end."""

    sets: Sequence[ParameterSet]
    limits: Limits
    claim: Claim | None = None  # of an exactly-once write
    before: tuple[str, ...] = ()  # statements of bulkq ahead of the user's
    after: tuple[str, ...] = ()  # statements of bulkq behind it
    rollback: bool = False  # a rehearsal: the transaction ends with ROLLBACK

    @property
    def plain(self) -> bool:
        """Whether every driver can carry it out: a claim, the user's statement, COMMIT."""
        return not (self.before or self.after or self.rollback)
