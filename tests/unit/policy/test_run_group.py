"""What the runs of a group come to."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bulkq.model import RunRecord, RunState
from bulkq.model.counts import UNCOUNTED
from bulkq.model.shard import Shard
from bulkq.policy.run_group import applies_again, group_exit_code, group_jobs, is_applied_once, job_of

if TYPE_CHECKING:
    from bulkq.policy.run_group import GroupJob

WHOLE = RunRecord(
    run="a",
    state=RunState.FINISHED,
    mode="write",
    name="fix",
    targets=("prod",),
    request="{}",
    fingerprint='{"queries": {"fix": "1"}, "sources": {}, "targets": ["x"]}',
    owner="",
    started_at="1",
    exit_code=0,
    group="G",
)
FIRST = replace(WHOLE, shard=Shard(1, 3), ok=5, changed=5)


def jobs(*records: RunRecord, **statuses: str) -> tuple[GroupJob, ...]:
    """The jobs of a group; a run is ok unless `statuses` says otherwise."""
    return group_jobs(records, {record.run: statuses.get(record.run, "ok") for record in records})


def test_shards_of_one_job() -> None:
    """In their order, with those that are missing; a target that was away has another identity."""
    third = replace(FIRST, run="c", shard=Shard(3, 3), ok=2, fingerprint=WHOLE.fingerprint.replace('"x"', '""'))
    (job,) = jobs(third, FIRST)
    assert [(str(one.shard), one.status) for one in job.members] == [("1/3", "ok"), ("2/3", "missing"), ("3/3", "ok")]
    assert (job.name, job.mode, job.targets, job.shards, job.counts.ok) == ("fix", "write", ("prod",), 3, 7)
    assert group_exit_code([job]) == 3
    (whole,) = jobs(third, FIRST, replace(FIRST, run="b", shard=Shard(2, 3)))
    assert group_exit_code([whole]) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"shard": Shard(2, 4)},
        {"mode": "read"},
        {"targets": ("test",)},
        {"fingerprint": WHOLE.fingerprint.replace('"1"', '"2"')},
    ],
)
def test_other_work_is_another_job(change: dict[str, object]) -> None:
    """Another number of shards, query or target: both lack shards, and no run of one stands for the other."""
    other = replace(FIRST, run="b", shard=Shard(2, 3), started_at="2")
    first, second = jobs(FIRST, replace(other, **change))  # type: ignore[arg-type]
    assert [sum(not one.runs for one in job.members) for job in (first, second)] == [
        2,
        second.shards and second.shards - 1,
    ]
    assert job_of(FIRST) != job_of(replace(other, **change))  # type: ignore[arg-type]


def test_two_databases_of_one_name_are_two_jobs_of_a_write() -> None:
    """The second one names the target; sets of the other database are not applied again. Reads of copies are one job, and say so."""
    away = replace(
        FIRST, run="b", shard=Shard(2, 3), started_at="2", fingerprint=WHOLE.fingerprint.replace('"x"', '"y"')
    )
    third = replace(FIRST, run="c", shard=Shard(3, 3), started_at="3")
    here, there = jobs(FIRST, away, third)
    assert [[one.status for one in job.members] for job in (here, there)] == [
        ["ok", "missing", "ok"],
        ["missing", "ok", "missing"],
    ]
    assert (here.moved, there.moved) == ((), ("prod",))
    assert not applies_again(replace(away, shard=Shard(1, 3)), FIRST)
    assert applies_again(replace(third, shard=Shard(1, 3)), FIRST)
    (job,) = jobs(*(replace(one, mode="read") for one in (FIRST, away, third)))
    assert (group_exit_code([job]), job.moved) == (0, ("prod",))


def test_runs_without_shards_are_jobs_of_their_own() -> None:
    """None replaces another, whatever they have in common."""
    found = jobs(WHOLE, replace(WHOLE, run="b", started_at="2"), b="failed")
    assert [(job.shards, len(job.members)) for job in found] == [(None, 1), (None, 1)]
    assert group_exit_code(found) == 1


def test_a_retry_adds_to_its_run() -> None:
    """What succeeded adds up, what is left is what the last retry left; its status is that of the shard."""
    failed = replace(FIRST, shard=Shard(1, 1), failed=3, retried=1, changed=UNCOUNTED)
    retry = replace(failed, run="b", retry_of="a", ok=2, failed=1, changed=2, started_at="2", targets=())
    again = replace(retry, run="c", retry_of="b", ok=1, failed=0, started_at="3")
    (job,) = jobs(again, failed, retry, a="failed", b="failed")
    (member,) = job.members
    assert [run.run for run in member.runs] == ["a", "b", "c"]
    assert (member.status, member.counts.ok, member.counts.failed, member.counts.retried) == ("ok", 8, 0, 3)
    assert member.counts.changed == UNCOUNTED


def test_the_newest_run_of_a_shard_counts() -> None:
    """The others are named; a retry whose run was forgotten stands for itself."""
    alone = replace(FIRST, shard=Shard(1, 1))
    (job,) = jobs(alone, replace(alone, run="b", started_at="2", retry_of="gone"), a="failed")
    assert (job.members[0].runs[0].run, job.members[0].earlier) == ("b", ("a",))


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ({"a": "ok", "b": "failed"}, 1),
        ({"a": "ok", "b": "incomplete"}, 1),
        ({"a": "failed", "b": "dead"}, 5),
        ({"a": "stopped", "b": "running"}, 3),
        ({"a": "stopped", "b": "unknown"}, 3),
        ({"a": "unknown", "b": "refused"}, 4),
    ],
)
def test_exit_codes(statuses: dict[str, str], code: int) -> None:
    """The order is that of a run."""
    assert group_exit_code(jobs(WHOLE, replace(WHOLE, run="b"), **statuses)) == code


def test_files_elsewhere_are_the_same_work() -> None:
    """Where a machine keeps the files, and when a large one was written there, does not tell the shards of a job apart."""
    there, here = (
        json.dumps({"queries": {f"{folder}/q.sql:q": "1"}, "sources": {f"{folder}/in.csv": source}})
        for folder, source in (("/builds/0", "2000000000:1700000000000000000"), ("/builds/1", "2000000000:17"))
    )
    (job,) = jobs(replace(FIRST, fingerprint=there), replace(FIRST, run="b", shard=Shard(2, 3), fingerprint=here))
    assert [one.status for one in job.members] == ["ok", "ok", "missing"]
    digests = [there.replace("1700000000000000000", digit * 32) for digit in "12"]
    assert len({job_of(replace(FIRST, fingerprint=one)) for one in (there, *digests)}) == 3


def test_the_name_of_a_job_is_that_of_a_shard_with_a_check() -> None:
    """The last shard of a selection may have no check, and so no name."""
    (job,) = jobs(FIRST, replace(FIRST, run="b", name="", shard=Shard(3, 3), started_at="2"))
    assert job.name == "fix"


@pytest.mark.parametrize(
    ("ours", "theirs", "again"),
    [
        (Shard(1, 3), Shard(1, 3), True),
        (Shard(1, 3), Shard(2, 3), False),
        (Shard(1, 2), Shard(1, 3), True),
        (Shard(1, 2), Shard(2, 4), False),
        (Shard(1, 2), Shard(3, 4), True),
        (None, Shard(2, 3), True),
        (Shard(2, 3), None, True),
        (None, None, False),
    ],
)
def test_sets_that_would_be_applied_again(ours: Shard | None, theirs: Shard | None, again: bool) -> None:
    """Shards of another number, and a run without one, have sets in common; a whole run may be begun as often as one likes."""
    mine, other = replace(FIRST, shard=ours), replace(FIRST, run="b", shard=theirs)
    assert applies_again(mine, other) is again
    changes: tuple[dict[str, object], ...] = ({"mode": "read"}, {"retry_of": "x"}, {"fingerprint": "{}"})
    assert not any(applies_again(mine, replace(other, **change)) for change in changes)  # type: ignore[arg-type]


def test_what_is_applied_once() -> None:
    """A write in a group, but for its retries."""
    assert is_applied_once(FIRST)
    assert is_applied_once(WHOLE)
    others: tuple[dict[str, object], ...] = (
        {"group": None},
        {"retry_of": "x"},
        {"mode": "read"},
        {"mode": "idempotent"},
    )
    assert not any(is_applied_once(replace(FIRST, **other)) for other in others)  # type: ignore[arg-type]
