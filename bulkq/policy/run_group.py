"""Sum up the runs of a group: the shards of each job, those that are missing, what became of all."""

from __future__ import annotations

import json
from math import gcd
from typing import TYPE_CHECKING, Any

from bulkq.model.counts import Counts, changed_in_all
from bulkq.model.frozen_dataclass import frozen
from bulkq.model.shard import Shard
from bulkq.policy.exit_codes import exit_code
from bulkq.policy.safety import IDEMPOTENT, MAINTENANCE, WRITE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bulkq.model import RunRecord

MISSING = "missing"
"""The status of a shard that has not begun."""

UNTOLD = {"unknown", "running", MISSING}
"""States of which the outcome is not known, or not yet."""

STOPPED = {"stopped", "dead"}

APPLIED = {WRITE, MAINTENANCE}
"""Modes in which a set that is executed again is applied again."""

CHANGING = APPLIED | {IDEMPOTENT}
"""Modes in which shards must have the same database to be one job."""

DIGEST_LENGTH = 32
"""Digits of the digest of a file. A file over 1 GiB has the nanosecond of its last change in place of it."""


@frozen
class GroupMember:
    """One shard of a job, or one whole run.

    Attributes:
        shard: None for a whole run.
        runs: the run that counts, then its retries; () if the shard has not begun.
        status: of the last of `runs`, as `bulkq runs` shows it, or `missing`.
        counts: over `runs`: what succeeded in any of them, and what is still failed, unknown or skipped.
        earlier: ids of runs of the same shard that began before and do not count.
    """

    shard: Shard | None
    runs: tuple[RunRecord, ...]
    status: str
    counts: Counts
    earlier: tuple[str, ...] = ()


@frozen
class GroupJob:
    """Runs of the same queries or checks, over the same sources, on the same targets, divided by the same number.

    Attributes:
        moved: targets of a name that led some of the shards to another database than others. Shards of a write are then two jobs,
            each of which has one of the databases; the later one names the target.
    """

    name: str
    mode: str
    targets: tuple[str, ...]
    shards: int | None
    members: tuple[GroupMember, ...]
    moved: tuple[str, ...] = ()

    @property
    def counts(self) -> Counts:
        """Those of all members."""
        return sum_counts(member.counts for member in self.members)


def group_jobs(records: Iterable[RunRecord], statuses: Mapping[str, str]) -> tuple[GroupJob, ...]:
    """The jobs of a group, the oldest first. Of a shard that began several times, the newest run counts.

    Args:
        records: all runs of the group, in any order.
        statuses: by id, what `bulkq runs` shows.
    """
    ordered = sorted(records, key=lambda record: (record.started_at, record.run))
    retries = {record.retry_of: record for record in ordered if record.retry_of is not None}
    known = {record.run for record in ordered}
    jobs: dict[object, list[RunRecord]] = {}
    for record in ordered:
        if record.retry_of not in known:
            jobs.setdefault(job_of(record), []).append(record)
    return tuple(
        _job(some, retries, statuses, _moved(some if at == 0 else [runs[0], *some]))
        for runs in jobs.values()
        for at, some in enumerate(_by_database(runs))
    )


def group_exit_code(jobs: Iterable[GroupJob]) -> int:
    """0 if all runs are ok and no shard is missing; else as for a run: 4, 3 (also missing and running ones), 5, 1."""
    found = {member.status for job in jobs for member in job.members}
    return exit_code(
        forced=None,
        refused="refused" in found,
        unknown=bool(found & UNTOLD),
        stopped=bool(found & STOPPED),
        failed=bool(found - {"ok", "refused"} - UNTOLD - STOPPED),
    )


def job_of(record: RunRecord) -> object:
    """What runs of the same job have in common; a run without a shard is a job of its own."""
    return record.run if record.shard is None else (record.shard.count, record.mode, _work_of(record))


def is_applied_once(record: RunRecord) -> bool:
    """Whether a second run of the same sets in the group would apply them a second time: of a write that is not idempotent."""
    return record.group is not None and record.retry_of is None and record.mode in APPLIED


def applies_again(record: RunRecord, other: RunRecord) -> bool:
    """Whether `record`, which is about to begin, has sets that `other` of its group has begun. At least one of them is a shard."""
    if other.mode not in APPLIED or other.retry_of is not None:
        return False
    same = _overlap(record.shard, other.shard) and _work_of(record) == _work_of(other)
    return same and not _moved([record, other])


def _overlap(one: Shard | None, other: Shard | None) -> bool:
    if one is None or other is None:  # a whole run may be begun as often as the user likes
        return one is not other
    return (one.index - other.index) % gcd(one.count, other.count) == 0


def _work_of(record: RunRecord) -> object:
    """Texts of queries, contents of sources, constants and targets of a run, wherever its files are on this machine."""
    made: dict[str, Any] = json.loads(record.fingerprint)
    made.pop("targets", None)  # identities, see `_databases`
    made["queries"] = list(made.get("queries", {}).values())
    made["sources"] = [_content_of(source) for source in made.get("sources", {}).values()]
    return record.targets, json.dumps(made, sort_keys=True)


def _content_of(source: str) -> str:
    """A fingerprint of a source without the time at which a large file was written on one machine."""
    size, _, rest = source.partition(":")
    return size if size.isdigit() and rest.isdigit() and len(rest) < DIGEST_LENGTH else source


def _databases(record: RunRecord) -> tuple[str, ...]:
    """The identity of each target; "" for one that was away, and for all targets of checks."""
    known = json.loads(record.fingerprint).get("targets") or ()
    return tuple(map(str, known)) if len(known) == len(record.targets) else ("",) * len(record.targets)


def _moved(records: Sequence[RunRecord]) -> tuple[str, ...]:
    """The targets that are not the same database in all runs of a job, as far as that is known."""
    found = zip(records[0].targets, zip(*map(_databases, records), strict=True), strict=True)
    return tuple(target for target, known in found if len(set(known) - {""}) > 1)


def _by_database(runs: Sequence[RunRecord]) -> list[list[RunRecord]]:
    """Divide runs of a write that have changed different databases of the same name: no shard of one stands for one of the other.

    Runs that read are one job. Their databases may be copies, such as those that each job of a CI server starts.
    """
    if runs[0].mode not in CHANGING:
        return [list(runs)]
    divided: list[list[RunRecord]] = []
    for record in runs:
        fitting = next((some for some in divided if not _moved([*some, record])), None)
        if fitting is None:
            divided.append([record])
        else:
            fitting.append(record)
    return divided


def sum_counts(counts: Iterable[Counts]) -> Counts:
    """Return the sum."""
    return sum(counts, Counts())


def _job(
    runs: Sequence[RunRecord], retries: Mapping[str, RunRecord], statuses: Mapping[str, str], moved: tuple[str, ...]
) -> GroupJob:
    last = runs[-1]
    by_shard: dict[Shard | None, list[RunRecord]] = {}
    for record in runs:
        by_shard.setdefault(record.shard, []).append(record)
    found = [_member(shard, begun, retries, statuses) for shard, begun in by_shard.items()]
    count = None if last.shard is None else last.shard.count
    missing = [shard for index in range(1, (count or 0) + 1) if (shard := Shard(index, count or 1)) not in by_shard]
    found += [GroupMember(shard, (), MISSING, Counts()) for shard in missing]
    found.sort(key=lambda member: 0 if member.shard is None else member.shard.index)
    name = next(
        (record.name for record in reversed(runs) if record.name), ""
    )  # that of a shard without a check is empty
    return GroupJob(name, last.mode, last.targets, count, tuple(found), moved)


def _member(
    shard: Shard | None, begun: Sequence[RunRecord], retries: Mapping[str, RunRecord], statuses: Mapping[str, str]
) -> GroupMember:
    chain = [begun[-1]]
    while (later := retries.get(chain[-1].run)) is not None:
        chain.append(later)
    last = chain[-1]
    changed = 0
    for record in chain:
        changed = changed_in_all(changed, record.changed)
    counts = Counts(
        ok=sum(record.ok for record in chain),
        failed=last.failed,
        unknown=last.unknown,
        skipped=last.skipped,
        retried=sum(record.retried for record in chain),
        changed=changed,
        unanswered=sum(record.unanswered for record in chain),
    )
    return GroupMember(shard, tuple(chain), statuses[last.run], counts, tuple(record.run for record in begun[:-1]))
