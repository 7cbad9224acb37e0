"""Runs of the ledger as `bulkq runs` shows them: a row of the list, one run in lines, and both as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bulkq.model.counts import changed_text, counts_of
from bulkq.policy.merged_number_ranges import numbers_in
from bulkq.policy.next_step import backfill_options_of, next_step
from bulkq.text.characters import escape_unprintable
from bulkq.text.durations import duration_text
from bulkq.text.moments import moment_text
from bulkq.text.tables import align_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.model import RecordedPart, RunRecord
    from bulkq.model.run_record import ListedRun

SHOWN_FAILURES = 20
SHOWN_RANGES = 10
COLUMNS = ("run", "name", "mode", "status", "ok", "failed", "unknown", "started", "elapsed")
NUMBERS = {"ok", "failed", "unknown", "elapsed"}


def runs_table(known: Sequence[ListedRun]) -> str:
    """Return the list of runs: a header and a line for each."""
    return "\n".join(align_named([_cells(each) for each in known], COLUMNS, NUMBERS))


def run_text(known: ListedRun, ledger: str) -> str:
    """Return one run with its parts, its failures and the next step, in lines. `ledger`: the place that has it."""
    from bulkq.ledger.owners import parse_owner

    record = known.record
    code = "" if record.exit_code is None else f" (exit {record.exit_code})"
    rows = [
        ("run", record.run),
        ("name", record.name),
        ("status", known.status + code),
        ("mode", record.mode),
        ("shard", str(record.shard or "")),
        ("group", record.group or ""),
        *(("target", target) for target in record.targets),
        ("started", moment_text(record.started_at)),
        ("ended", moment_text(record.ended_at) if record.ended_at else ""),
        ("elapsed", duration_text(record.elapsed_s)),
        ("counts", " ".join(f"{name}={changed_text(getattr(record, name))}" for name in counts_of(record))),
        ("backfill", _backfill(record)),
        ("incomplete", known.incomplete.text if known.incomplete is not None else ""),
        ("retry of", record.retry_of or ""),
        ("retried by", known.retried_by or ""),
        ("undone by", known.undone_by or ""),
        ("process", str(parse_owner(record.owner))),
        ("ledger", ledger),
        ("request", f"see bulkq runs {record.run} --format json"),
        *(("spooled", path) for path in known.spools),
        *(row for part in known.parts for row in _part(record, part)),
        *_failures(known),
        ("next", next_step(known) or "nothing: the run is complete"),
    ]
    return "\n".join(f"{name:<13}{escape_unprintable(value)}" for name, value in rows if value)


def runs_json(known: Sequence[ListedRun], *, one: bool, indent: int | None) -> str:
    """Return the runs as a JSON array; with `one`, the only run as an object with its parts."""
    records = [_record(each, whole=one) for each in known]
    return json.dumps(records[0] if one else records, ensure_ascii=False, indent=indent)


def _cells(known: ListedRun) -> dict[str, str]:
    record = known.record
    return {
        "run": record.run,
        "name": escape_unprintable(record.name),
        "mode": record.mode,
        "status": f"{known.status}, undone" if known.undone_by else known.status,
        "ok": str(record.ok),
        "failed": str(record.failed),
        "unknown": str(record.unknown),
        "started": moment_text(record.started_at),
        "elapsed": duration_text(record.elapsed_s),
    }


def _backfill(record: RunRecord) -> str:
    """What the counts of a backfill mean; "" for any other run."""
    found = backfill_options_of(record)
    if not found:
        return ""
    failed = f", {record.failed:,} failed" if record.failed else ""
    return f"{found['over']} by ranges of its key: {record.ok:,} ranges done{failed}, {changed_text(record.changed)} rows changed"


def _part(record: RunRecord, part: RecordedPart) -> Iterable[tuple[str, str]]:
    sets = numbers_in(part.done)
    done = [tuple(map(record.number, one)) for one in part.done[:SHOWN_RANGES]]
    ranges = [str(first) if first == last else f"{first}..{last}" for first, last in done]
    more = len(part.done) - len(ranges)
    listed = ", ".join(ranges) + (f" and {more} more ranges" if more else "")
    steps = f" in steps of {record.shard.count}" if record.shard and record.shard.count > 1 else ""
    yield f"part {part.part}", f"{sets} done" + (f"{steps}: {listed}" if listed else "")
    if part.source is not None:
        yield "", f"source read to set {part.source.n}, line {part.source.line}, byte {part.source.offset}"
    for sink in part.sinks:
        yield "", f'output "{sink.path}" durable to byte {sink.offset}'


def _failures(known: ListedRun) -> Iterable[tuple[str, str]]:
    every = [failure for part in known.parts for failure in part.failures]
    for failure in every[:SHOWN_FAILURES]:
        words = [f"n={failure.n}", failure.source, failure.query, str(failure.outcome), failure.sqlstate or ""]
        yield "failure", " ".join(word for word in words if word) + (f": {failure.message}" if failure.message else "")
    if len(every) > SHOWN_FAILURES:
        yield "", f"and {len(every) - SHOWN_FAILURES} more: --format json shows them"


def _record(known: ListedRun, *, whole: bool) -> dict[str, object]:
    from dataclasses import asdict

    record = known.record
    counts = counts_of(record)
    found: dict[str, object] = {name: value for name, value in asdict(record).items() if name not in counts}
    found |= {**counts, "status": known.status, "next": next_step(known) or None}
    found["shard"] = None if record.shard is None else str(record.shard)
    for name in ("request", "fingerprint"):
        text = str(found.pop(name))
        if whole:
            found[name] = _parsed(text)
    if known.undone_by is not None or whole:
        found["undone_by"] = known.undone_by
    if whole:
        found["spools"] = list(known.spools)
        found["retried_by"] = known.retried_by
        found["parts"] = [_part_record(record, part) for part in known.parts]
    return found


def _part_record(record: RunRecord, part: RecordedPart) -> dict[str, object]:
    """Return a part of a run. With a shard, the ranges have every N-th number."""
    from dataclasses import asdict

    found = asdict(part)
    found["done"] = [tuple(map(record.number, one)) for one in part.done]
    for failure in found["failures"]:
        for name in ("params", "hint", "where", "key_range"):
            failure.pop(name)
    return found


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
