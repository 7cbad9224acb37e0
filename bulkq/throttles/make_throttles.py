"""Make the throttles of expressions. They are not open yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.policy.throttle_expressions import parse_expression
from bulkq.throttles.commit_latency import CommitLatency
from bulkq.throttles.file import FileThrottle
from bulkq.throttles.http import HttpThrottle
from bulkq.throttles.named_replica_lag import NamedReplicaLag
from bulkq.throttles.replication_lag import ReplicationLag
from bulkq.throttles.server_value import ServerValue
from bulkq.throttles.sql import SqlThrottle
from bulkq.throttles.wal_rate import WalRate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bulkq.model import Target
    from bulkq.model.run import LimitOptions
    from bulkq.policy.throttle_expressions import ThrottleExpression
    from bulkq.protocols import Throttle
    from bulkq.throttles.base import PolledThrottle
    from bulkq.throttles.database_throttle import DatabaseThrottle
    from bulkq.throttles.throttle_context import ThrottleContext

READERS: Mapping[str, type[DatabaseThrottle]] = {
    "lag": ReplicationLag,
    "wal": WalRate,
    "archive": ServerValue,
    "slot": ServerValue,
    "waiters": ServerValue,
    "active": ServerValue,
    "oldest_xact": ServerValue,
    "autovacuum": ServerValue,
    "sql": SqlThrottle,
}
"""What each signal of a database is read by."""


def throttles_of(expression: ThrottleExpression, context: ThrottleContext) -> Iterator[Throttle]:
    """The throttles of an expression for all targets; not open yet.

    Raises:
        UsageError: the run has no such signal.
    """
    if expression.signal == "commit" and not context.writes:
        raise UsageError(f"{expression.option} {expression.text}: the run commits no changes: leave it out")
    if expression.signal in {"http", "file"}:
        yield _of_all(expression, context)
        return
    for label, target in context.targets:
        yield _of_target(expression, context, label, target)


def throttles_of_targets(limits: LimitOptions, context: ThrottleContext) -> Iterator[Throttle]:
    """The throttles that the configuration has for the targets, without those of `--throttle` and those that the run has no use for."""
    for label, target in context.targets:
        for text in target.throttle:
            expression = parse_expression(text)
            if text not in limits.throttle and not _useless(expression, context):
                yield _of_target(expression, context, label, target)


def _useless(expression: ThrottleExpression, context: ThrottleContext) -> bool:
    """Whether a signal of every run on a target does not concern this one: it commits nothing, or has no table."""
    if expression.signal == "commit":
        return not context.writes
    return expression.signal == "autovacuum" and not (expression.argument or context.table)


def _of_all(expression: ThrottleExpression, context: ThrottleContext, label: str | None = None) -> PolledThrottle:
    """A throttle that no database gives; it holds the lanes of the target `label`, or of all."""
    if expression.signal == "http":
        return HttpThrottle(expression, context, label)
    return FileThrottle(
        expression.argument, context.every_s, context.title(f"file {expression.argument}", label), label
    )


def _of_target(expression: ThrottleExpression, context: ThrottleContext, label: str, target: Target) -> Throttle:
    """The throttle of a target, which may be one that the configuration has for it."""
    throttle = _reader_of(expression, context, label, target)
    throttle.owned = expression.text in target.throttle
    return throttle


def _reader_of(expression: ThrottleExpression, context: ThrottleContext, label: str, target: Target) -> PolledThrottle:
    replica = context.replicas.get(expression.argument) if expression.signal == "lag" else None
    if replica is not None:
        return NamedReplicaLag(expression, context, label, target, replica)
    reader = READERS.get(expression.signal)
    if reader is not None:
        return reader(expression, context, label, target)
    if expression.signal != "commit":
        return _of_all(expression, context, label)
    throttle = CommitLatency(expression, context, label)
    context.commits.setdefault(label, []).append(throttle.record)
    return throttle
