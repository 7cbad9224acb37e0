"""The plan of one attempt of a segment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.model import AttemptPlan, Claim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.engine.batch_segments import Segment
    from bulkq.model import Batch, ParameterSet, PartSpec


def plan_attempt(spec: PartSpec, batch: Batch, segment: Segment, sets: Sequence[ParameterSet]) -> AttemptPlan:
    """The plan for `sets`, which are those of `segment`.

    Several sets of a write may change one row (`Batch.repeats`): then they are executed in their order.
    """
    limits = spec.limits
    if limits.read_only:
        return AttemptPlan(sets, limits)
    if batch.repeats:
        limits = replace(limits, ordered=True)
    return AttemptPlan(sets, limits, _claim(spec, batch, segment), batch.steps)


def _claim(spec: PartSpec, batch: Batch, segment: Segment) -> Claim | None:
    """The claim of a segment. The sets of a write are consecutive, so a range says which they are."""
    claims = spec.claims
    if claims is None:
        return None
    first, last = batch.first + segment.positions[0], batch.first + segment.positions[-1]
    assert last - first + 1 == len(segment.positions), "the sets of a claim are consecutive"
    return Claim(claims.run, claims.owner, spec.number, first, last, claims.tables)
