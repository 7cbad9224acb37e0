"""`bulkq runs`: list the runs of the ledger; `bulkq runs RUN`: show one, and what to do next."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING

import click

from bulkq.cli.display.listed_run import ListedRun, backfill_options_of, incomplete_of, next_step, status_of
from bulkq.cli.help import DocumentedCommand
from bulkq.cli.messages import Messages
from bulkq.cli.options.option import option, together
from bulkq.cli.options.output import DEBUG, FORM, LOG_FORMAT
from bulkq.cli.options.safety import LEDGER, warn_of_password
from bulkq.cli.options.types import Count, RunText, Text, Words
from bulkq.errors import UsageError
from bulkq.model.counts import changed_text, counts_of
from bulkq.policy.merged_number_ranges import numbers_in
from bulkq.policy.undo_name import undo_name
from bulkq.text.characters import escape_unprintable
from bulkq.text.durations import duration_text
from bulkq.text.moments import moment_text
from bulkq.text.tables import align_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.ledger.store import StoredLedger
    from bulkq.model import RecordedPart, RunRecord

STATUSES = ("ok", "failed", "unknown", "refused", "stopped", "incomplete", "running", "dead")
SHOWN_FAILURES = 20
SHOWN_RANGES = 10
MOST_RUNNING = 10_000
COLUMNS = ("run", "name", "mode", "status", "ok", "failed", "unknown", "started", "elapsed")
NUMBERS = {"ok", "failed", "unknown", "elapsed"}


@click.command(
    "runs",
    cls=DocumentedCommand,
    short_help="List the runs of the ledger, or show one.",
    examples=(
        ("list the newest runs that failed", "bulkq runs --status failed"),
        ("show one run, and what to do next", "bulkq runs 01kb4x"),
        ("show the newest run", "bulkq runs --last"),
        ("watch a run that is in progress", "bulkq runs 01kb4x --watch"),
        ("show the history of a check", "bulkq runs --check no_orphans"),
        ("sum up the shards of a job", "bulkq runs --group nightly"),
    ),
)
@click.argument("run", required=False, type=RunText(), metavar="[RUN]")
@together(
    LEDGER,
    option("--last", is_flag=True, envvar=None, help="Show the newest run."),
    option(
        "--limit",
        type=Count(1),
        default=20,
        show_default=True,
        metavar="N",
        envvar=None,
        help="Maximum number of runs to list, the newest first.",
    ),
    option("--name", type=Text(), envvar=None, help="List only runs with this name."),
    option(
        "--check",
        "check_name",
        type=Text(),
        envvar=None,
        metavar="NAME",
        help="Show the history of the checks with this name instead of runs.",
    ),
    option(
        "--status",
        type=Words(*STATUSES),
        envvar=None,
        help="List only runs with this status. A dead run was killed and can be resumed.",
    ),
    option(
        "--group",
        type=Text(),
        envvar=None,
        metavar="NAME",
        help="Sum up the runs of this group: shards that are there, failed or missing, and totals. The exit code is 0 if all are ok.",
    ),
    option(
        "--watch",
        "watched",
        is_flag=True,
        envvar=None,
        help="Show the status of RUN every second until it has ended: a page on a terminal, lines elsewhere. Without RUN, "
        "the only live run of this machine.",
    ),
    FORM,
    LOG_FORMAT,
    DEBUG,
)
def command(  # noqa: PLR0913, PLR0917 - its options
    run: str | None,
    ledger: str,
    last: bool,
    limit: int,
    name: str | None,
    status: str | None,
    check_name: str | None,
    group: str | None,
    watched: bool,
    form: str,
    log_format: str,
    **_: object,
) -> int:
    """List the runs of the ledger, the newest first. With RUN, an id or the beginning of one, show that run."""
    messages = Messages(as_json=log_format == "json")
    warn_of_password(ledger, messages)
    if last and (run, name, status, check_name) != (None, None, None, None):
        raise UsageError("--last shows the newest run: leave out RUN, --name, --status and --check")
    one = last or run is not None
    if group is not None:
        from bulkq.cli.display.run_group_text import tell_group

        _refuse_beside_group(one or watched, name, status, check_name)
        return tell_group(group, ledger, as_json=form == "json")
    if check_name is not None:
        from bulkq.cli.display.check_history import show

        if run is not None or name is not None or status is not None or watched:
            raise UsageError("--check shows the history of a check: leave out RUN, --name, --status and --watch")
        click.echo(asyncio.run(show(check_name, ledger, limit, as_json=form == "json")))
        return 0
    if watched:
        if name is not None or status is not None:
            raise UsageError("--watch shows one run: leave out --name and --status")
        run = _watched(run, ledger, messages, last=last, as_json=form == "json")
        if run is None:
            return 0
        one, last = True, False
    known = _known(ledger, run, limit, name, status, messages, watched=watched, last=last)
    if one and not known:
        return 0
    if form == "json":
        click.echo(_json(known, one=one, indent=None if watched else 2))
    elif one:
        click.echo("\n".join(_details(known[0], _place(ledger))))
    elif known:
        click.echo("\n".join(align_named([_cells(each) for each in known], COLUMNS, NUMBERS)))
    return 0


def _refuse_beside_group(one: bool, *others: str | None) -> None:
    """Raise UsageError if `--group` is given together with what selects other runs."""
    if one or any(other is not None for other in others):
        raise UsageError("--group sums up a group: leave out RUN, --last, --name, --status, --check and --watch")


def _known(
    ledger: str,
    run: str | None,
    limit: int,
    name: str | None,
    status: str | None,
    messages: Messages,
    *,
    watched: bool,
    last: bool,
) -> list[ListedRun]:
    """Read the runs of a ledger; none if there is no ledger and no run is named, or if it does not have a run that was watched."""
    from bulkq.ledger.location import LedgerMissing

    try:
        return asyncio.run(_read_newest(ledger) if last else _read(ledger, run, limit, name, status))
    except LedgerMissing as error:
        if run is not None and not watched:
            raise UsageError(f'no run "{run}": {error}') from None
        messages.say("info", f"run {run} has ended; {error}" if watched else str(error))
    except UsageError:
        if not watched:
            raise
        messages.say("info", f"run {run} has ended, and the ledger does not have it")
    return []


def _watched(run: str | None, ledger: str, messages: Messages, *, last: bool, as_json: bool) -> str | None:
    """Watch a run, or the `last` one, until it has ended.

    Returns:
        Its id, to show what it came to; None if the user has left the page, or if there is no ledger with a last one.
    """
    from bulkq.cli.display.watch import open_view, watch
    from bulkq.tasks.live_status import LiveStatus

    if last:
        newest = _known(ledger, None, 1, None, None, messages, watched=False, last=True)
        if not newest:
            return None
        run = newest[0].record.run
    feed = LiveStatus(run, ledger)
    try:
        with open_view(sys.stdout, os.environ, as_json=as_json) as view:
            asyncio.run(watch(feed, view))
    except KeyboardInterrupt:
        click.echo("the run continues", err=True)
        return None
    return feed.run


async def _read(url: str, run: str | None, limit: int, name: str | None, status: str | None) -> list[ListedRun]:
    from bulkq.ledger import open_ledger

    ledger = await open_ledger(url, create=False)
    try:
        if run is not None:
            return [await _whole(ledger, await ledger.find(run))]
        if status in {"running", "dead"}:
            records = await ledger.recent(MOST_RUNNING, name, "running")
        else:
            records = await ledger.recent(limit, name, status)
        known = [
            ListedRun(
                record,
                await status_of(ledger, record),
                undone_by=await _undone_by(ledger, record),
                incomplete=await incomplete_of(ledger, record),
            )
            for record in records
        ]
        return [each for each in known if status in {None, each.status}][:limit]
    finally:
        await ledger.close()


async def _read_newest(url: str) -> list[ListedRun]:
    from bulkq.ledger import open_ledger

    ledger = await open_ledger(url, create=False)
    try:
        return [await _whole(ledger, await ledger.last())]
    finally:
        await ledger.close()


async def _whole(ledger: StoredLedger, record: RunRecord) -> ListedRun:
    """A run with all that is known of it."""
    parts, spools = await ledger.state(record.run), await ledger.spools(record.run)
    later = await ledger.retry_of(record.run)
    return ListedRun(
        record,
        await status_of(ledger, record),
        parts,
        spools,
        retried_by=None if later is None else later.run,
        undone_by=await _undone_by(ledger, record),
        incomplete=await incomplete_of(ledger, record),
    )


async def _undone_by(ledger: StoredLedger, record: RunRecord) -> str | None:
    """Return the newest undo of a run that keeps what its rows were; None if there is none."""
    if not backfill_options_of(record).get("capture"):
        return None
    undos = await ledger.recent(1, undo_name(record.run))
    return undos[0].run if undos else None


def _place(url: str) -> str:
    from bulkq.ledger.location import locate

    return locate(url).shown


# --- for people ----------------------------------------------------------------------------------------------------


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


def _details(known: ListedRun, ledger: str) -> list[str]:
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
    return [f"{name:<13}{escape_unprintable(value)}" for name, value in rows if value]


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


# --- for programs --------------------------------------------------------------------------------------------------


def _json(known: Sequence[ListedRun], *, one: bool, indent: int | None) -> str:
    records = [_record(each, whole=one) for each in known]
    return json.dumps(records[0] if one else records, ensure_ascii=False, indent=indent)


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
