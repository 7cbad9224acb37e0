"""Which limits apply to one query: an option that was given, else the query file's `@key`, else the option's default. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from bulkq.model import Query
    from bulkq.model.run import LimitOptions


@frozen
class QueryLimits:
    """The limits of one query. Seconds; None is no limit."""

    timeout_s: float | None
    lock_timeout_s: float | None
    retries: int
    batch: int | None  # None: the controller decides


def choose_limits(options: LimitOptions, query: Query) -> QueryLimits:
    """The limits of `query` in a run with `options`."""
    timeout_s, lock_timeout_s, retries = options.timeout_s, options.lock_timeout_s, options.retries
    if not options.timeout_given and (query.no_timeout or query.timeout_s is not None):
        timeout_s = query.timeout_s
    if not options.lock_timeout_given and query.lock_timeout_s is not None:
        lock_timeout_s = query.lock_timeout_s
    if not options.retries_given and query.retries is not None:
        retries = query.retries
    batch = options.batch if options.batch_given else query.batch or options.batch
    return QueryLimits(timeout_s, lock_timeout_s, retries, batch)
