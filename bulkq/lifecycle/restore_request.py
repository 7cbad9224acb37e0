"""Restore the request of a recorded run: its values and spools, compared with the current files."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bulkq.errors import RefusedError, UsageError
from bulkq.lifecycle import request_json, run_fingerprints
from bulkq.lifecycle.expand_targets import name_of
from bulkq.lifecycle.query_changes import changed_queries
from bulkq.model import CHECK_MODE, RunSummary
from bulkq.model.counts import counts_of
from bulkq.model.run import set_fields
from bulkq.policy import exit_codes, safety
from bulkq.policy.pace import check_nice, parse_rate
from bulkq.policy.throttle_expressions import replica_names
from bulkq.sources.fingerprints import find_changes as source_changes
from bulkq.sources.spool import load_constants
from bulkq.targets import load_config, renew_target, with_replicas

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bulkq.ledger.store import StoredLedger
    from bulkq.model import Query, Run, RunRecord, Target
    from bulkq.targets import Config

LOOKED_AT = 200
"""Runs among which `--last` looks for one that fits."""


def refuse_check(record: RunRecord) -> None:
    """A check is asked again: what it said of the data an hour ago cannot be continued.

    Raises:
        RefusedError: it was one.
    """
    if record.mode == CHECK_MODE:
        raise RefusedError(f"run {record.run} was a check, which is not continued: run bulkq check again")


async def find_newest(stored: StoredLedger, fits: Callable[[RunRecord], bool]) -> RunRecord:
    """The newest run that fits; if none of the last `LOOKED_AT` does, the newest of all.

    Raises:
        UsageError: there is no run.
    """
    return next((record for record in await stored.recent(LOOKED_AT) if fits(record)), None) or await stored.last()


def keeps_images(record: RunRecord) -> bool:
    """Whether a run was a backfill that kept what its rows were, and no undo."""
    found = json.loads(record.request).get("run", {}).get("backfill") or {}
    return bool(found.get("capture")) and not found.get("undo_of")


def is_retried(record: RunRecord) -> bool:
    """Whether a run is one that a retry can execute again, and no check."""
    return record.mode != CHECK_MODE


def is_same_run(record: RunRecord) -> bool:
    """Whether the retry of a run is the same run, as for a backfill: it does what has failed again."""
    return request_json.from_json(record.request)[0].continues


def request_of(record: RunRecord, changes: Mapping[str, object], ledger: str, config: Config | None) -> tuple[Run, str]:
    """The request of a run with what is different this time, and the folder that it was made in.

    Raises:
        RefusedError: the run was a check.
        UsageError: a target that is not one of the run's, or a limit that its queries cannot keep.
    """
    refuse_check(record)
    request, folder = request_json.from_json(record.request)
    places = (*request.targets.selected, request.sources.target, request.targets.listed_by)
    if any(target is not None and target.name for target in places):
        config = config or load_config(folder=folder)
        request = _renewed(request, config)
    ranges = {name: value for name, value in changes.items() if name in RANGE_FIELDS}
    if ranges:
        request = _with_ranges(record, request, ranges)
        changes = {name: value for name, value in changes.items() if name not in ranges}
    given = changes.get("targets")
    if given is not None:
        changes = {**changes, "targets": _retargeted(request.targets.selected, given)}  # type: ignore[arg-type]
    if changes.get("max_affected") is not None and request.safety.write:
        _refuse_limit(request.queries.selected)
    if "confirmed" in changes:
        changes = {**changes, "confirmed": (*request.safety.confirmed, *changes["confirmed"])}  # type: ignore[misc]
    if "allow" in changes:
        changes = {**changes, "allow": request.safety.allow | set(changes["allow"])}  # type: ignore[call-overload]
    changed = set_fields(request, {"ledger": ledger, **changes})
    if replica_names((*changed.throttles, *changed.limits.critical)):
        changed = with_replicas(changed, config or load_config(folder=folder))
    _check_holds(changed, changes)
    return changed, folder


RANGE_FIELDS = ("target_time_s", "min_rows", "max_rows", "capture_max")
"""The fields of `BackfillOptions` that a resume may change."""


def _with_ranges(record: RunRecord, request: Run, ranges: Mapping[str, Any]) -> Run:
    """`request` with other values of `RANGE_FIELDS`.

    Raises:
        UsageError: the run is not a backfill, or keeps nothing, or the values contradict each other.
    """
    options = request.backfill
    if "capture_max" in ranges and (options is None or not options.capture):
        raise UsageError(f"run {record.run} was started without --capture: leave out --capture-max")
    if options is None:
        option = f"--{next(iter(ranges)).removesuffix('_s').replace('_', '-')}"
        raise UsageError(f"run {record.run} is not a backfill: leave out {option}")
    changed = replace(options, **ranges)
    if changed.min_rows > changed.max_rows:
        raise UsageError(f"--min-rows {changed.min_rows} is more than --max-rows {changed.max_rows}")
    first = min(max(changed.first_rows, changed.min_rows), changed.max_rows)
    return replace(request, backfill=replace(changed, first_rows=first))


def _check_holds(request: Run, changes: Mapping[str, object]) -> None:
    """Refuse a pace that a backfill cannot have, and targets without their throttles that were not confirmed.

    Raises:
        UsageError: the rate counts sets.
        RefusedError: names the targets.
    """
    rate = changes.get("max_rate")
    if rate is not None:
        parse_rate(str(rate), backfill=request.backfill is not None)
    check_nice(request.limits.nice, backfill=request.backfill is not None)
    if "target_throttles" in changes and not request.limits.target_throttles:
        refused = safety.refuse_unthrottled(request.targets.selected, request.safety.confirmed)
        if refused is not None:
            raise refused


def _renewed(request: Run, config: Config) -> Run:
    """`request` with what the configuration says now of its targets."""
    asked, listed_by = request.sources.target, request.targets.listed_by
    targets = replace(
        request.targets,
        selected=tuple(renew_target(target, config) for target in request.targets.selected),
        listed_by=renew_target(listed_by, config) if listed_by else None,
    )
    sources = replace(request.sources, target=renew_target(asked, config) if asked else None)
    return replace(request, targets=targets, sources=sources)


def _refuse_limit(queries: Sequence[Query]) -> None:
    for query in queries:
        refused = safety.refuse_options(query, idempotent=False, counted="--max-affected")
        if refused is not None:
            raise refused


def _retargeted(targets: tuple[Target, ...], given: Sequence[Target]) -> tuple[Target, ...]:
    """The targets of the run with what was typed now: another address of the only one, the passwords of several.

    Raises:
        UsageError: it is none of several.
    """
    bare = [target.bare for target in targets]
    if len(given) == 1 and all(target == bare[0] for target in bare):
        return tuple(given[0].like(target) for target in targets)
    known = {name_of(target) for target in targets}
    for target in given:
        if name_of(target) not in known:
            raise UsageError(
                f'-t "{name_of(target)}" is not one of the {len(known)} targets of the run: give those that need a password'
            )
    by_name = {name_of(target): target for target in given}
    return tuple(by_name.get(name_of(target), target).like(target) for target in targets)


async def with_values(kept: StoredLedger, record: RunRecord, request: Run) -> Run:
    """`request` with the values of `--param`, which lie beside the ledger."""
    path = next((path for path in await kept.spools(record.run) if path.endswith(".params")), None)
    return set_fields(request, {"constants": load_constants(path)}) if path is not None else request


async def refuse_changed(record: RunRecord, request: Run) -> None:
    """Compare queries and parameter files with what they were.

    Raises:
        RefusedError: a line per difference.
    """
    then = json.loads(record.fingerprint)
    now = json.loads(await run_fingerprints.fingerprints(request, ()))
    lines = [*changed_queries(request), *source_changes(then["sources"], now["sources"])]
    if lines:
        raise RefusedError("\n".join(lines))


async def find_spools(kept: StoredLedger, record: RunRecord) -> tuple[dict[int, str], tuple[str, ...]]:
    """Where the sets of a run were spooled, by place of the query: a retry reads what the run that it repeats has kept.

    Returns:
        These, and every file that the runs which it repeats have left beside the ledger.
    """
    found = _by_place(await kept.spools(record.run))
    left: list[str] = []
    while record.retry_of is not None:
        try:
            record = await kept.find(record.retry_of)
        except UsageError:  # it was forgotten, and its spools with it
            break
        theirs = await kept.spools(record.run)
        left += theirs
        found = found or _by_place(theirs)
    return found, tuple(left)


def _by_place(paths: Sequence[str]) -> dict[int, str]:
    """Place of the query to spool; the number stands in the name."""
    return {int(path.rsplit(".", 2)[-2]): path for path in paths if path.endswith(".spool")}


def nothing_to_do(record: RunRecord, reason: str) -> RunSummary:
    """The summary of a command that had nothing to do for a run: its counts, and what is left of its exit code.

    A script that goes on until the exit code is 0 must not get 0 while outcomes are unknown.
    """
    code = 3 if record.unknown else record.exit_code if record.exit_code in (1, 3) else 0
    return RunSummary(
        run=record.run,
        status=exit_codes.name_status(code),
        exit_code=code,
        mode=record.mode,
        targets=record.targets,
        reason=reason,
        **counts_of(record),
    )
