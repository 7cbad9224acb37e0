"""Failure records and refusals, with the words that users read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq import query as queries
from bulkq.dialects.sqlstates import CANCELED
from bulkq.errors import DatabaseError, RefusedError
from bulkq.model import BatchResult, Failure, Outcome, SetError
from bulkq.policy.mask_values import without_secrets
from bulkq.policy.server_error_advice import advise_on_error
from bulkq.text.mask import MASK

if TYPE_CHECKING:
    from bulkq.errors import NotOwner
    from bulkq.model import Batch, PartSpec


def failure(
    spec: PartSpec,
    batch: Batch,
    position: int,
    error: DatabaseError | SetError,
    known: Outcome,
    attempts: int,
    timed_out_s: float | None = None,
) -> Failure:
    """The record of the set at `position` of `batch` that failed with `error`. Masks secret values.

    Args:
        spec: of the part.
        batch: holds the set.
        position: of the set in `batch`.
        error: of the attempt, or of this set alone.
        known: the outcome.
        attempts: in which the set took part.
        timed_out_s: the timeout that ended the attempt, if one did.
    """
    query = batch.statement or spec.query
    values = batch.sets[position] if batch.sets else ()
    params = {p.name: MASK if p.secret else v for p, v in zip(query.parameters, values, strict=False)}
    message = str(error) if isinstance(error, DatabaseError) else error.message
    if timed_out_s is not None and not (isinstance(error, DatabaseError) and error.abandoned):
        message = f"timed out after {timed_out_s:g}s"
    message = without_secrets(message, query, [values])
    hint = without_secrets(error.hint or "", query, [values]) or advise_on_error(message, error.sqlstate, query)
    if isinstance(error, DatabaseError) and known is Outcome.UNKNOWN and error.pid and error.connection_lost:
        hint = f"server process {error.pid} may still execute it: select pg_terminate_backend({error.pid})"
    offset = error.offset if isinstance(error, DatabaseError) else None
    return Failure(
        n=batch.number(position),
        source=batch.origin(position) if batch.sets else batch.source,
        target=spec.target,
        query=query.name,
        params=params,
        outcome=known,
        sqlstate=error.sqlstate,
        message=message,
        attempts=attempts,
        hint=hint,
        where=queries.locate(query, offset) if offset is not None else "",
        key_range=batch.key_range,
    )


def refused(spec: PartSpec, message: str) -> RefusedError:
    """The error of a statement that the session may not execute: a write in a read-only run, or in a read-only database."""
    query = spec.query
    if not spec.limits.read_only:
        return RefusedError(
            f"{spec.target}: {query.place}: {message}: the database rejects writes from this session; "
            "use another role, server or file"
        )
    return RefusedError(
        f"{query.place}: {message}: the run is read-only; add --write if it is meant to change data"
    ).for_good()


def lost_ownership(spec: PartSpec, error: NotOwner) -> RefusedError:
    """The error of a run whose run row is gone, or belongs to another process."""
    if error.owner is None:
        return RefusedError(f"{spec.target}: the run row is missing from the target: nothing more is sent").for_good()
    host, pid, *_ = [*error.owner.rsplit(":", 3), "", ""][:2]
    return RefusedError(f"{spec.target}: the run was taken over by process {pid} on {host}: nothing more is sent")


def left_behind(spec: PartSpec, batch: Batch, why: str) -> BatchResult | None:
    """Return the result of a cancelled batch that could not be ended: unknown. None for a read, and if a marker settles it.

    Args:
        spec: of the part.
        batch: the batch.
        why: what became of its statement, for people.
    """
    if spec.limits.read_only or spec.claims is not None:
        return None
    error = SetError(0, CANCELED, f"cancelled, but it {why}")
    lost = tuple(failure(spec, batch, at, error, Outcome.UNKNOWN, 1) for at in range(len(batch.sets)))
    return BatchResult(batch, spec.query, spec.target, (), (), (), 0, lost, part=spec.number)
