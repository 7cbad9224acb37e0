"""What one attempt does in its transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model.attempt_limits import Limits
    from bulkq.model.attempt_steps import AttemptSteps
    from bulkq.model.marker_claim import Claim
    from bulkq.model.query import ParameterSet


@frozen
class AttemptPlan:
    """One attempt, in this order: `claim`, `steps.before`, the user's statement for `sets`, `steps.after`, COMMIT or ROLLBACK."""

    sets: Sequence[ParameterSet]
    limits: Limits
    claim: Claim | None = None  # of an exactly-once write
    steps: AttemptSteps | None = None  # None: the user's statement stands alone
