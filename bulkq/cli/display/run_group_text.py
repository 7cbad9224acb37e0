"""What the runs of a group came to, for people and for programs."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING

import click

from bulkq.errors import UsageError
from bulkq.model.counts import changed_number, changed_text, counts_of
from bulkq.policy.exit_codes import name_status
from bulkq.policy.next_step import next_step
from bulkq.policy.run_group import CHANGING, group_exit_code, group_jobs, sum_counts
from bulkq.tasks.list_runs import list_group
from bulkq.text.characters import escape_unprintable
from bulkq.text.durations import duration_text
from bulkq.text.moments import moment_text
from bulkq.text.tables import align_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bulkq.model.counts import Counts
    from bulkq.policy.run_group import GroupJob, GroupMember

COLUMNS = ("run", "shard", "status", "ok", "failed", "unknown", "skipped", "changed", "started", "elapsed")
NUMBERS = {"ok", "failed", "unknown", "skipped", "changed", "elapsed"}
SHOWN = 20
"""Missing shards and next steps that are listed."""


def tell_group(name: str, ledger: str, *, as_json: bool) -> int:
    """Print what the runs of a group came to, and return the exit code.

    Raises:
        UsageError: there is no run of the group.
    """
    from bulkq.ledger.location import LedgerMissing, locate

    try:
        known = asyncio.run(list_group(ledger, name))
    except LedgerMissing as error:
        raise UsageError(f'no run of the group "{escape_unprintable(name)}": {error}') from None
    if not known:
        raise UsageError(
            f'no run of the group "{escape_unprintable(name)}" in the ledger "{locate(ledger).shown}": list runs with bulkq runs'
        )
    jobs = group_jobs((each.record for each in known), {each.record.run: each.status for each in known})
    steps = {each.record.run: next_step(each) for each in known}
    found = group_object(name, jobs, steps)
    click.echo(json.dumps(found, ensure_ascii=False, indent=2) if as_json else group_text(name, jobs, steps))
    return group_exit_code(jobs)


def group_text(name: str, jobs: Sequence[GroupJob], steps: Mapping[str, str]) -> str:
    """Return a table for each job, the totals, and what to do next.

    Args:
        name: of the group.
        jobs: of the group, one or more.
        steps: by id of a run, its next step, or "".
    """
    code = group_exit_code(jobs)
    total = sum_counts(job.counts for job in jobs)
    words = {**counts_of(total), "changed": changed_text(total.changed)}
    counts = " ".join(f"{one}={value}" for one, value in words.items())
    lines = [line for job in jobs for line in _job(job)]
    lines.append(f"group={escape_unprintable(name)} status={name_status(code)} {counts} exit={code}")
    lines += [f"next: {step}" for step in _steps(jobs, steps)]
    return "\n".join(lines)


def group_object(name: str, jobs: Sequence[GroupJob], steps: Mapping[str, str]) -> dict[str, object]:
    """Return the same for JSON; see `group_text`."""
    code = group_exit_code(jobs)
    return {
        "group": name,
        "status": str(name_status(code)),
        "exit": code,
        "counts": _numbers(sum_counts(job.counts for job in jobs)),
        "jobs": [
            {
                "name": job.name,
                "mode": job.mode,
                "targets": list(job.targets),
                "shards": job.shards,
                "moved": list(job.moved),
                "missing": [str(member.shard) for member in job.members if not member.runs],
                "runs": [_member(member, steps) for member in job.members if member.runs],
            }
            for job in jobs
        ],
    }


def _job(job: GroupJob) -> Iterator[str]:
    states = Counter(member.status for member in job.members)
    whole = f"{job.shards} shards" if job.shards else "1 run"
    listed = ", ".join(f"{count} {state}" for state, count in states.items())
    yield f"{escape_unprintable(job.name)} ({job.mode}) on {escape_unprintable(', '.join(job.targets))}: {whole}: {listed}"
    begun = [_cells(member) for member in job.members if member.runs]
    yield from align_named(begun, COLUMNS, NUMBERS)
    missing = [str(member.shard) for member in job.members if not member.runs]
    if missing:
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        yield f"missing: {', '.join(missing[:SHOWN])}{more}"
    for target in job.moved:
        other = "the job of the same name above" if job.mode in CHANGING else "other shards"
        yield f'"{escape_unprintable(target)}" is not the same database as in {other}'
    for member in job.members:
        if member.earlier:
            verb = "is" if len(member.earlier) == 1 else "are"
            yield f"shard {member.shard} was begun before: {', '.join(member.earlier)} {verb} not counted"
    yield ""


def _cells(member: GroupMember) -> dict[str, str]:
    counts = member.counts
    return {
        **{name: str(getattr(counts, name)) for name in ("ok", "failed", "unknown", "skipped")},
        "shard": str(member.shard or "-"),
        "run": member.runs[-1].run,
        "status": member.status,
        "changed": changed_text(counts.changed),
        "started": moment_text(member.runs[0].started_at),
        "elapsed": duration_text(sum(run.elapsed_s for run in member.runs)),
    }


def _member(member: GroupMember, steps: Mapping[str, str]) -> dict[str, object]:
    last = member.runs[-1].run
    return {
        "shard": None if member.shard is None else str(member.shard),
        "run": last,
        "runs": [run.run for run in member.runs],
        "earlier": list(member.earlier),
        "status": member.status,
        "counts": _numbers(member.counts),
        "started_at": member.runs[0].started_at,
        "elapsed_s": sum(run.elapsed_s for run in member.runs),
        "next": steps[last] or None,
    }


def _numbers(counts: Counts) -> dict[str, object]:
    return {**counts_of(counts), "changed": changed_number(counts.changed)}


def _steps(jobs: Sequence[GroupJob], steps: Mapping[str, str]) -> list[str]:
    members = [member for job in jobs for member in job.members]
    found = [steps[member.runs[-1].run] for member in members if member.runs and member.status != "ok"]
    if any(not member.runs for member in members):
        found.append("start the missing shards with the same options")
    return [step for step in found if step][:SHOWN]
