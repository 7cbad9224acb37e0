"""Safety rules: statements that need an option by name, and the promise for each mode.

Decided from the user's text; the server has its own guard.

The command line asks `refuse` and `refuse_options` about every query of a request, and `refuse_protected` about its targets,
before one is opened; `plan` prints the answer. `bulkq.tasks` asks `mode_of`, and prints the `sentence` of a run before its first statement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.errors import RefusedError, UsageError
from bulkq.model import Mode, StatementClass
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from bulkq.model import Query, Run, Server, Target
    from bulkq.model.run import SafetyOptions

ALLOWABLE = ("unbounded", "truncate", "ddl", "seqscan", "hidden")
"""The words of `--allow`."""

REWRITTEN = "rewritten"
"""The word of `--allow` for a resume: the rows have the keys that they had, although the catalog leaves that open."""

READ, WRITE, IDEMPOTENT, MAINTENANCE, UNRECORDED = MODES = ("read", "write", "idempotent", "maintenance", "unrecorded")
"""Under which promise a query runs, as the ledger and the report name it."""

LEAST_FIRST = (UNRECORDED, MAINTENANCE, IDEMPOTENT, WRITE, READ)
"""Modes, the one that promises least first."""

NO_LEDGER_PROMISE = (
    "--ledger none: each batch is one transaction, but a killed run cannot be resumed without repeating applied batches"
)
"""The note in the first line of a write run without a ledger."""

SENTENCES = {
    READ: "every answer recorded once; nothing is changed",
    WRITE: "each batch is applied exactly once, also across kill -9: its marker commits with it",
    IDEMPOTENT: "nothing is lost; repeats are possible",
    MAINTENANCE: "at most once; what is unknown is listed",
    UNRECORDED: NO_LEDGER_PROMISE,
}


def refuse(query: Query, *, write: bool, allow: AbstractSet[str]) -> RefusedError | UsageError | None:
    """The error with which `query` is turned down, or None when it may run.

    Args:
        query: the query, with its statement class.
        write: whether `--write` was given.
        allow: words of `--allow`, of `ALLOWABLE`.
    """
    place = f"{query.file}:{query.line}: " if query.file else ""
    verb = query.verb or "the statement"
    if query.statement is StatementClass.SESSION:
        return UsageError(f"{place}{verb} controls the session or transaction, which bulkq manages: remove it")
    needed = _needed(query)
    missing = [word for word in needed if word not in allow]
    if missing:
        options = f"--allow {','.join(missing)}" + ("" if write else " --write")
        return RefusedError(f"{place}{_danger(query, missing[0], verb)}: add {options}")
    if query.statement is StatementClass.READ and query.mode in {None, Mode.READ}:
        return None
    if query.statement is StatementClass.READ:
        return None if write else RefusedError(f'{place}"{query.name}" is declared @mode {query.mode}: add --write')
    if query.mode is Mode.READ:
        return RefusedError(f"{place}{verb} changes data, but the query is declared @mode read: correct @mode")
    if query.meant is not None and query.mode is None and not write:
        near = f" (did you mean {query.meant}?)" if query.meant else ""
        advice = "correct it, or add --write if the database supports it"
        return UsageError(f'{place}unknown statement "{verb}"{near}: {advice}')
    return None if write else RefusedError(f"{place}{verb} {_does(query)}: add --write")


def refuse_options(query: Query, *, idempotent: bool, counted: str | None) -> RefusedError | UsageError | None:
    """The error for an option that contradicts what `query` says of itself, or None.

    Args:
        query: the query.
        idempotent: whether `--idempotent` was given.
        counted: the option that undoes what changes too many or too few rows, if one was given.
    """
    place = f"{query.file}:{query.line}: " if query.file else ""
    if idempotent and query.idempotent is False:
        return RefusedError(
            f'{place}"{query.name}" is declared @idempotent false, but --idempotent may repeat it: remove the option'
        )
    if counted is not None and _outside(query):
        return UsageError(
            f'{place}"{query.name}" runs outside a transaction, where {counted} cannot roll back: remove the option'
        )
    if counted is not None and query.statement is StatementClass.READ and query.mode is not Mode.READ:
        return UsageError(
            f'{place}"{query.name}" may call functions that change rows, which databases do not count, so {counted} cannot be enforced: '
            'declare it "-- @mode read" if it changes nothing, or remove the option'
        )
    if counted is not None and not query.counted:
        return UsageError(
            f'{place}databases do not report how many rows "{query.name}" changes, so {counted} cannot be enforced: '
            "write it as one INSERT, UPDATE, DELETE or MERGE, or remove the option"
        )
    return None


def counted_option(request: Run) -> str | None:
    """The option of `request` that undoes what changes too many or too few rows, if one was given."""
    if request.safety.expect_rows is not None:
        return "--expect-rows"
    return "--max-affected" if request.safety.max_affected is not None else None


def refuse_uncounted(counted: str | None, server: Server, library: str) -> UsageError | None:
    """The error for an option that needs the number of changed rows, on a library that does not say it; None where it does.

    Args:
        counted: the option, if one was given.
        server: as the connection found it.
        library: the name of the database library.
    """
    if counted is None or server.counts:
        return None
    return UsageError(
        f"{library} does not reliably report how many rows a statement changes, so {counted} cannot be enforced: remove the option"
    )


def refuse_lanes(
    concurrency: int | None, totals: Sequence[int | None], server: Server, beside: int = 0
) -> RefusedError | None:
    """The error for more lanes than `server` has free connections, raised before any is taken; None if they fit.

    Args:
        concurrency: of `-j`; None: there are not more than fit.
        totals: parameter sets of every query, None where that is not known: no run needs more lanes than it has sets.
        server: as the connection that it was seen through found it, which is one of those that are wanted.
        beside: connections beside those of the lanes.
    """
    free = server.free_connections
    if concurrency is None or free is None or server.pooled:
        return None
    known = [total for total in totals if total is not None]
    most = sum(known) if len(known) == len(totals) else concurrency
    wanted = max(1, min(concurrency, most))
    needed, lanes = wanted - 1 + beside, max(1, free + 1 - beside)
    if max(wanted - 1, beside) <= free:  # a lane more than there is room for waits
        return None
    advice = "end other sessions, or raise the limit (ALTER ROLE ... CONNECTION LIMIT)"
    if beside <= free:
        advice = f"use -j {lanes} or less"
    return RefusedError(
        f"-j {concurrency} needs {needed} more {'connection' if needed == 1 else 'connections'}, but the limits of the server, the role "
        f"and the database leave {free}: {advice}"
    )


def refuse_protected(targets: Iterable[Target], *, write: bool, confirmed: Collection[str]) -> RefusedError | None:
    """The error for a write on targets that are protected and were not confirmed by name, or None.

    Args:
        targets: of the run.
        write: whether `--write` was given.
        confirmed: names of `--confirm`.
    """
    guards = (target.guard or target.name for target in targets if target.protected)
    names = dict.fromkeys(name for name in guards if name not in confirmed)
    if not write or not names:
        return None
    are = "is" if len(names) == 1 else "are"
    return RefusedError(f"{_listed(names)} {are} protected: add {_confirmations(names)} to change data there")


def refuse_unthrottled(targets: Iterable[Target], confirmed: Collection[str]) -> RefusedError | None:
    """The error for a run without the throttles of its targets, unless each of them was confirmed by name; or None.

    Args:
        targets: of the run.
        confirmed: names of `--confirm`.
    """
    owners = (target.throttled_as or target.name for target in targets if target.throttle)
    names = dict.fromkeys(name for name in owners if name not in confirmed)
    if not names:
        return None
    have = "has" if len(names) == 1 else "have"
    return RefusedError(
        f"{_listed(names)} {have} throttles in the configuration: add {_confirmations(names)} to run without them"
    )


def _listed(names: Collection[str]) -> str:
    which = "target" if len(names) == 1 else "targets"
    return f"{which} {', '.join(map(quoted, names))}"


def _confirmations(names: Iterable[str]) -> str:
    return " ".join(f"--confirm {name}" for name in names)


def mode_of(query: Query, options: SafetyOptions) -> str:
    """The one of `MODES` in which `query` runs.

    A statement that is run with `--write` counts as one that changes data unless it says `@mode read`: what a function in a
    SELECT does, only the server knows.

    Args:
        query: the query, with its metadata.
        options: of the run. One that is not recorded promises less.
    """
    if not options.write or query.mode is Mode.READ:
        return READ
    if _outside(query):
        return MAINTENANCE
    if not options.recorded:
        return UNRECORDED
    return IDEMPOTENT if options.idempotent or query.idempotent else WRITE


def mode_of_run(request: Run) -> str:
    """The mode of a run: of its queries, the one that promises least."""
    modes = {mode_of(query, request.safety) for query in request.queries.selected}
    return next(mode for mode in LEAST_FIRST if mode in modes)


def sentence(mode: str) -> str:
    """The promise of one of `MODES`."""
    return SENTENCES[mode]


def _outside(query: Query) -> bool:
    """Whether the statement is sent outside a transaction."""
    return query.mode is Mode.MAINTENANCE or not query.transaction


def _needed(query: Query) -> tuple[str, ...]:
    if query.verb == "TRUNCATE":
        return ("truncate",)
    if query.statement is StatementClass.DDL:
        return ("ddl",)
    return ("unbounded",) if query.unbounded else ()


def _danger(query: Query, word: str, verb: str) -> str:
    if word == "unbounded":
        changing = "UPDATE or DELETE" if verb in {"WITH", "EXPLAIN"} else verb
        return f"{changing} without WHERE changes every row"
    if word == "truncate":
        return f"{verb} removes every row"
    return f"{verb} {_does(query)}"


def _does(query: Query) -> str:
    if query.statement is StatementClass.DDL:
        return "changes the schema"
    return "may change data" if query.statement is StatementClass.MAINTENANCE else "changes data"
