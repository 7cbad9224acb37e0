"""The parameter sets of every part of a run: all, what is left of them, or those that failed.

A file is opened once for each part. What comes but once (a pipe, a query) is spooled as it comes, and every target reads the spool.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.lifecycle.run_fingerprints import spool_folder
from bulkq.policy.merged_number_ranges import Ranges
from bulkq.sources import open_source, texts_of
from bulkq.sources.peekable_source import PeekableSource
from bulkq.sources.source_request import request_of
from bulkq.targets.parameter_rows_from_query import rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AsyncExitStack

    from bulkq.lifecycle.command_steps import RunJob
    from bulkq.lifecycle.resume_state import ResumeState
    from bulkq.model import Capabilities, Query, SourcePosition
    from bulkq.protocols import ParameterSource
    from bulkq.sources.key_range_source import RangeSource
    from bulkq.sources.maintenance_object_source import ObjectSource
    from bulkq.sources.spool_ahead import PrefetchedSource

PATIENCE_S = 1.0
"""How long a write waits for the end of a pipe: then a kill loses nothing of it, and a bad line stops the run before it begins."""


class Sources:
    """Opens the source of each part.

    Args:
        job: has the request and what earlier processes have spooled.
        stack: closes what is shared by several parts.
        drivers: of the targets; text and types of the values are for the one that asks most.

    Attributes:
        spools: by the number of the query, which is that of the part where there is one target.
        recorded: whether the ledger knows the run; then its spools stay, whatever happens, and a resume can continue it.
        cut_off: why it is not known whether all sets were seen: a pipe that ended with the process that read it; "" if it is.
        ranges: of a backfill, by the number of the part: cut from a key while the run goes on.
        objects: of maintenance, by the number of the part.
        texts: by the number of the query: its parameters whose values come as text.
    """

    def __init__(self, job: RunJob, stack: AsyncExitStack, drivers: Sequence[Capabilities]) -> None:
        self.spools: dict[int, Path] = {}
        self.texts: dict[int, frozenset[str]] = {}
        self.ranges: dict[int, RangeSource] = {}
        self.objects: dict[int, ObjectSource] = {}
        self.cut_off = ""
        self._job = job
        self._request = job.request
        self._resume = job.resume
        self._stack = stack
        self._text = all(driver.text_parameters for driver in drivers)
        self._native = all(driver.in_process for driver in drivers)
        self._dynamic = any(driver.dynamic_types for driver in drivers)
        self._mixed = not all(driver.dynamic_types for driver in drivers)
        self._shared: dict[int, PrefetchedSource] = {}
        self.recorded = job.resume.record is not None

    def discard(self) -> None:
        """Remove the spools of a run that is on no record."""
        if not self.recorded:
            for spool in self.spools.values():
                spool.unlink(missing_ok=True)

    async def open_all(self) -> dict[int, PeekableSource]:
        """The source of every part, by the number of the part.

        Raises:
            ParameterError, LedgerError, RefusedError: as `open_source` and `open_spool`.
        """
        given, queries = self._job.given, self._request.queries.selected
        found: dict[int, PeekableSource] = {}
        for target in range(len(self._request.targets.selected)):
            for place, query in enumerate(queries, 1):
                part = target * len(queries) + place
                opened = await self._open(part, place, query) if given is None else self._shard(given.source)
                source = PeekableSource(opened)
                self._stack.push_async_callback(source.close)
                found[part] = source
        return found

    async def _open(self, part: int, place: int, query: Query) -> ParameterSource:
        """The sets of part number `part`, of the query at `place`, 1 or more."""
        source: ParameterSource
        if self._request.backfill is not None:
            from bulkq.sources.key_range_source import RangeSource

            self.ranges[part] = RangeSource()
            return self.ranges[part]
        if self._request.maintenance is not None:
            from bulkq.sources.maintenance_object_source import ObjectSource

            self.objects[part] = ObjectSource()
            return self.objects[part]
        if place in self._resume.spools:
            source = await self._kept(self._resume.spools[place], place, query)
        else:
            source = await self._opened(place, query, _position(self._resume, part))
        return _rest(self._resume, self._shard(source), part)

    def _shard(self, source: ParameterSource) -> ParameterSource:
        """The sets of `source` that are the run's."""
        shard = self._request.sources.shard
        if shard is None:
            return source
        from bulkq.sources.shard_source import ShardSource

        return ShardSource(source, shard)

    async def whole(self, part: int, query: Query) -> ParameterSource:
        """The sets of a part once more, from the first: of a source that can be read again, or that an earlier process has spooled.

        Raises:
            ParameterError, LedgerError, RefusedError: as `open_all`.
        """
        if part in self.objects:
            return self.objects[part].again()
        place = (part - 1) % len(self._request.queries.selected) + 1
        if place in self._resume.spools:
            from bulkq.sources.spool import open_spool

            return self._shard(await open_spool(self._resume.spools[place], query))
        return self._shard(await self._opened(place, query, None))

    async def _kept(self, path: str, place: int, query: Query) -> ParameterSource:
        """What an earlier process has spooled."""
        from bulkq.sources.spool import open_spool

        spooled = await open_spool(path, query)
        if not spooled.complete:
            self.cut_off = f"the source of {query.place} was cut off before its end: the rest is lost"
        if self._resume.record is not None and path not in self._resume.leftovers:
            self.spools[place] = Path(path)
        return spooled

    async def _opened(self, place: int, query: Query, start: SourcePosition | None) -> ParameterSource:
        if place in self._shared:
            return self._shared[place].follower()
        request = self._request
        wanted = request_of(request.sources, self._job.console.stdin)
        source = await open_source(
            wanted,
            query,
            text=self._text,
            native=self._native,
            dynamic=self._dynamic,
            mixed=self._mixed,
            rows=rows_of(request.sources.target or request.targets.selected[0], request),
            start=start,
            unused_constants_ok=len(request.queries.selected) > 1,
        )
        self.texts[place] = texts_of(source)
        several = len(request.targets.selected) > 1
        if source.replayable or self._resume.repeats is not None or not (request.safety.recorded or several):
            return source
        from bulkq.sources.spool_ahead import PrefetchedSource

        try:
            ahead = PrefetchedSource(
                source, await self._spool(place), query, patience_s=PATIENCE_S if request.safety.write else 0.0
            )
        except BaseException:
            await source.close()
            raise
        if not several:
            return ahead
        self._stack.push_async_callback(ahead.close)
        self._shared[place] = ahead
        return ahead.follower()

    async def _spool(self, place: int) -> Path:
        """Where the spool of a source lies: beside the ledger, or for a run without one where it goes with the run."""
        if not self._request.safety.recorded:
            import tempfile  # takes two milliseconds, and few runs need it

            folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bulkq-"))
            return Path(folder) / f"{place}.spool"
        await asyncio.shield(self._job.ledger)  # its folder is where the spool lies
        self.spools[place] = spool_folder(self._request.safety.ledger) / f"{self._job.run}.{place}.spool"
        return self.spools[place]


def _position(resume: ResumeState, part: int) -> SourcePosition | None:
    """Where the source of a part can go on, if all before that is done; a redone marker may lie before it."""
    known = resume.parts.get(part)
    done = resume.done.get(part, ())
    if known is None or known.source is None or not done or done[0][0] != 1 or done[0][1] < known.source.n:
        return None
    return known.source


def _rest(resume: ResumeState, source: ParameterSource, part: int) -> ParameterSource:
    """The sets of `source` that a part has still to do."""
    if resume.only is None and resume.record is None:
        return source
    from bulkq.sources.subset import RemainingSets, SelectedSets

    done = resume.done.get(part, ())
    if resume.only is not None:
        known = Ranges(done)
        return SelectedSets(source, [gap for wanted in resume.only.get(part, ()) for gap in known.gaps(*wanted)])
    return RemainingSets(source, done)
