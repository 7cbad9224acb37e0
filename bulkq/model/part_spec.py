"""The definition of one part of a run: one query on one target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen
from bulkq.model.query import PlaceholderKind

if TYPE_CHECKING:
    from bulkq.model.attempt_limits import Limits
    from bulkq.model.marker_claim import MarkerTables
    from bulkq.model.query import Query
    from bulkq.model.reply import Decoding


@frozen
class Claims:
    """The run and the owner in whose name batches are claimed, and the marker tables of the target."""

    run: str
    owner: str
    tables: MarkerTables


@frozen(kw_only=True)
class PartSpec:
    """What the batches of one query on one target have in common.

    Holds no callables and no connections, so it can be pickled and sent to another process.
    """

    query: Query
    target: str  # its label in output
    decoding: Decoding
    typed: bool  # the sets hold Python values of the right types; False: text
    limits: Limits
    retries: int
    mode: str = "read"  # what is promised of its sets: one of `bulkq.policy.safety.MODES`
    number: int = 1  # of the part within the run, from 1
    claims: Claims | None = None  # of an exactly-once write: every attempt claims its sets in its own transaction
    repeatable: bool = False  # an unknown outcome is settled by a repeat: reads, and writes declared idempotent
    answers: bool = True  # rows are wanted, so a batch that turns out to be applied already has lost them

    @property
    def identifiers(self) -> tuple[int, ...]:
        """Indexes of the parameters that stand for `:{name}`."""
        parameters = self.query.parameters
        return tuple(i for i, p in enumerate(parameters) if p.kind is PlaceholderKind.IDENTIFIER)
