"""Change a table by ranges of its key: the request of `Database.backfill`, and its run."""

from __future__ import annotations

import logging
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from bulkq import query as queries
from bulkq.drivers import dialect_of
from bulkq.errors import UsageError
from bulkq.ledger.location import locate
from bulkq.lifecycle.backfill.validate_request import check_parameters, complete_options, range_statement, statement_of
from bulkq.lifecycle.check_api_arguments import check_numbers, shown, texts
from bulkq.model import Query, Run
from bulkq.model.run import OutputOptions, QueryOptions, SourceOptions, TargetOptions
from bulkq.tasks.backfill import backfill
from bulkq.tasks.undo import undo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkq.engine.stop_control import Control
    from bulkq.model import BatchResult, RunSummary, Target
    from bulkq.model.run import BackfillOptions, LimitOptions, SafetyOptions
    from bulkq.policy.progress import Progress

LONGEST_S = 3600
"""Seconds that the transaction of a range may aim at, at most."""

LOG = logging.getLogger("bulkq")
"""Gets what a backfill says on the command line: its first line, and notices about the table."""


def request_of(
    target: Target,
    query: object,
    options: BackfillOptions,
    limits: LimitOptions,
    safety: SafetyOptions,
    values: Mapping[str, str],
) -> Run:
    """Return the request of a backfill, checked as `bulkq backfill` checks it.

    Args:
        target: where the table is.
        query: SQL with `:range`, a `Query`, or None.
        options: as given.
        limits: as given.
        safety: as given.
        values: of the parameters beside the range.

    Raises:
        UsageError: an argument is wrong. A message may have the options of the command line.
    """
    _check(options, safety)
    dialect = dialect_of(target.url)
    if isinstance(query, str):
        query = queries.inline(query, dialect)
    if query is not None and not isinstance(query, Query):
        raise UsageError(f"query={shown(query)}: SQL text, or a Query from bulkq.load")
    if query is not None and (options.assignments or options.delete):
        raise UsageError("query has the statement: leave out set and delete, or query")
    completed = complete_options(options, query)
    made = statement_of(completed, query, dialect)
    check_parameters(range_statement(completed, made, dialect), values)
    return Run(
        queries=QueryOptions(selected=(made,)),
        sources=SourceOptions(constants=values),
        targets=TargetOptions(selected=(target,)),
        limits=limits,
        safety=safety,
        output=OutputOptions(format="none"),
        backfill=completed,
    )


def values_of(param: object) -> dict[str, str]:
    """Return the values of `param` as texts, which the server converts.

    Raises:
        UsageError: it is not a mapping from names to texts, numbers, dates or UUIDs.
    """
    if param is None:
        return {}
    if not isinstance(param, dict) or not all(isinstance(name, str) for name in param):
        raise UsageError(f'param={shown(param)}: a dict such as {{"name": "value"}}')
    for name, value in param.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal | date | UUID):
            raise UsageError(f"param {name}={shown(value)}: a text, a number, a date or a UUID")
    return {name: str(value) for name, value in param.items()}


def names_of(name: str, value: object) -> tuple[str, ...]:
    """Return the texts of the argument `name`: one, or several in an iterable.

    Raises:
        UsageError: it holds anything else.
    """
    found = texts(value)
    if found is None:
        raise UsageError(f"{name}={shown(value)}: a text, or a list of texts")
    return found


async def run_backfill(request: Run, control: Control) -> RunSummary:
    """Execute `request`, and log its notices.

    Raises:
        BulkqError: nothing was changed: usage (2), target (3), refused (4).
    """
    return await backfill(request, control=control, observers=(LogNotices(),))


async def run_undo(run: str, target: Target, confirm: str | None, ledger: str, control: Control) -> RunSummary:
    """Undo the run `run`, whose target was `target`, and log the notices; errors are those of `bulkq.tasks.undo.undo`."""
    confirmed = () if confirm is None else (confirm,)
    changes = {"targets": (target,)}
    return await undo(
        run, ledger=ledger, changes=changes, confirmed=confirmed, control=control, observers=(LogNotices(),), stay=True
    )


class LogNotices:
    """An observer that logs notices."""

    def started(self, progress: Progress) -> None:
        """Ignore the event."""

    def batch_done(self, result: BatchResult) -> None:
        """Ignore the event."""

    def notice(self, text: str) -> None:
        """Log `text`."""
        LOG.info("%s", text)

    def finished(self, summary: RunSummary) -> None:
        """Log how the run ended."""
        LOG.info("run=%s status=%s", summary.run, summary.status)


def _check(options: BackfillOptions, safety: SafetyOptions) -> None:
    """Raise UsageError for an argument that is not of its type or not in its bounds."""
    for name in ("over", "where", "verify", "select", "map"):
        value = getattr(options, name)
        if value is not None and not isinstance(value, str):
            raise UsageError(f"{name}={shown(value)}: a text")
    for name in ("delete", "lock", "capture"):
        value = getattr(options, name)
        if not isinstance(value, bool):
            raise UsageError(f"{name}={shown(value)}: True or False")
    check_numbers(options.map_timeout_s, 0, "map_timeout")
    target_time = options.target_time_s
    if isinstance(target_time, bool) or not isinstance(target_time, int | float) or not 0 < target_time < LONGEST_S:
        raise UsageError(f"target_time={shown(target_time)}: seconds, more than 0 and less than {LONGEST_S}")
    _check_count("min_rows", options.min_rows)
    _check_count("max_rows", options.max_rows)
    if safety.max_affected is not None:
        _check_count("max_affected", safety.max_affected)
    if options.upper not in {"fixed", "open"}:
        raise UsageError(f'upper={shown(options.upper)}: "fixed" or "open"')
    if not isinstance(safety.ledger, str):
        raise UsageError(f'ledger={shown(safety.ledger)}: "auto", a path, a URL, or "none"')
    if safety.ledger != "none":
        locate(safety.ledger)


def _check_count(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError(f"{name}={shown(value)}: a number, 1 or more")
