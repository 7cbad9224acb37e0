"""Report failures that the previous process did not write to `--failures`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.engine.failure_records import failure
from bulkq.model import ANSWER_LOST, STARTED, Mark, Outcome, SetError
from bulkq.policy.merged_number_ranges import Ranges, numbers_in
from bulkq.sources.subset import SelectedSets

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from bulkq.engine.part_state import PartState
    from bulkq.lifecycle.run_resources import OpenRun
    from bulkq.model import Failure
    from bulkq.protocols import Ledger

TWICE = "its rows stand twice in the output: the database has lost what it had answered first"
UNSETTLED = "it was sent by a process that has ended, and nothing is known of its end"
PIECE = 1_000


async def tell(opened: OpenRun, ledger: Ledger) -> None:
    """Report the sets that were applied but whose rows were not written, those whose rows come again, and those with an unknown outcome.

    Each is reported once: one commit of the ledger has both lines and marks. Values are read from the source again, because
    the ledger contains none.
    """
    file = opened.failure_file
    for part in opened.parts:
        unanswered = opened.resume.cut_off.get(part.spec.number, ())
        twice = opened.resume.forgotten.get(part.spec.number, ()) if opened.request.answers else ()
        for ranges, done, why in ((unanswered, unanswered, ANSWER_LOST), (twice, (), TWICE)):
            if ranges:
                if file is not None:
                    file.write(await _listed(opened, part, ranges, SetError(0, None, why), Outcome.OK))
                ledger.mark(Mark(part.spec.number, tuple(done), unanswered=numbers_in(ranges)))
        state = opened.resume.parts.get(part.spec.number)
        started = [f.n for f in (state.failures if state is not None else ()) if f.message == STARTED]
        if started and file is not None:
            unknown = await _listed(
                opened, part, _ranges(opened, started), SetError(0, None, UNSETTLED), Outcome.UNKNOWN
            )
            file.write(unknown)
            ledger.mark(Mark(part.spec.number, (), tuple(unknown)))
        if file is not None and state is not None and part.record_failures is not None:
            file.write(await _unwritten(opened, part, state.failures, file.told()))


async def _unwritten(
    opened: OpenRun, part: PartState, failures: Sequence[Failure], told: Container[tuple[str, str, int]]
) -> list[Failure]:
    """The failures that are on record and not in the file: they waited for their place in it when the process was killed."""
    known = {
        f.n: f
        for f in failures
        if f.outcome is not Outcome.UNKNOWN and (part.spec.target, part.spec.query.name, f.n) not in told
    }
    if not known:
        return []
    listed = await _listed(opened, part, _ranges(opened, list(known)), SetError(0, None, ""), Outcome.ROLLED_BACK)
    return [replace(known[f.n], params=f.params, source=f.source) for f in listed]


async def _listed(
    opened: OpenRun, part: PartState, ranges: Sequence[tuple[int, int]], error: SetError, outcome: Outcome
) -> list[Failure]:
    """A record of each set in `ranges`, with its line and values."""
    found: list[Failure] = []
    source = SelectedSets(await opened.sources.whole(part.spec.number, part.spec.query), ranges)
    try:
        while (batch := await source.take(PIECE, 0)) is not None:
            found += [
                failure(part.spec, batch, at, replace(error, position=at), outcome, 1) for at in range(len(batch.sets))
            ]
    finally:
        await source.close()
    return found


def _ranges(opened: OpenRun, numbers: Sequence[int]) -> list[tuple[int, int]]:
    shard = opened.request.sources.shard
    places = numbers if shard is None else map(shard.place, numbers)
    return list(Ranges((place, place) for place in places))
