"""Build the request of `bulkq check` from the options of the command line: the targets, the checks, and what they are run with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.cli.options import build_run
from bulkq.errors import QueryFileError, UsageError
from bulkq.errors import join_errors as all_of
from bulkq.model import Run
from bulkq.model.run import QueryOptions, SafetyOptions
from bulkq.policy.safety import refuse_unthrottled

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

    from bulkq.cli.options.check_options import CheckOptions
    from bulkq.model import Query, Target
    from bulkq.model.shard import Shard
    from bulkq.tasks.check.open_check import CheckRequest
    from bulkq.tasks.check.selection import CheckSelection

EXAMPLE = "for example bulkq check checks/ -t postgresql://host/database"


def want_paths(options: CheckOptions) -> None:
    """Raise UsageError if the command line names no check."""
    if not options["paths"] and not options["sql"]:
        raise UsageError(f"no path: name a folder or file with checks, {EXAMPLE}")


def targets_of(options: CheckOptions, ctx: click.Context) -> tuple[Target, ...]:
    """Return the targets of `-t`; `--allow-empty` permits none.

    Raises:
        UsageError: `-t` names no target or an unknown one.
    """
    if not options["target"] and options["allow_empty"]:
        return ()
    return build_run.some_targets(options["target"], ctx)


def select_checks(options: CheckOptions, targets: Sequence[Target]) -> CheckSelection:
    """Return the checks that the command line selects, and the files that cannot be read.

    Raises:
        UsageError: a tag or the git revision does not exist.
    """
    from bulkq.lifecycle.query_files import choose_queries
    from bulkq.tasks.check.selection import InvalidCheck, select

    changed = None
    if options["changed_since"] is not None:
        from bulkq.tasks.check.git_changes import Changes

        changed = Changes(options["changed_since"])
    dialect = build_run.dialect(targets[0].url if targets else None)
    found = select(
        options["paths"],
        tags=options["tag"],
        exclude=options["exclude"],
        changed=changed,
        dialect=dialect,
        params=options["params"],
        allow_empty=options["allow_empty"],
    )
    if changed is not None:
        changed.verify()
    try:
        inline = choose_queries((), options["sql"], dialect) if options["sql"] else ()
    except UsageError as error:
        return replace(found, broken=(*found.broken, InvalidCheck("", 1, str(error))))
    return replace(found, queries=(*found.queries, *inline))


def build(
    options: CheckOptions, ctx: click.Context, selected: CheckSelection, targets: tuple[Target, ...]
) -> CheckRequest:
    """Return the request of the command line.

    Raises:
        UsageError: options contradict each other, or a selected file cannot be read.
    """
    from bulkq.tasks.check.open_check import CheckRequest

    if selected.broken:
        raise all_of(QueryFileError, dict.fromkeys(one.message for one in selected.broken))
    build_run.check_ledger(options["ledger"], options["group"])
    build_run.check_stdin(options["params"])
    if options["targets_sql"] is not None and len(targets) != 1:
        raise UsageError(f"--targets-sql runs on one database: give -t once, not {len(targets)} targets")
    if "-" in options["params"] and len(selected.queries) * len(targets) > 1:
        raise UsageError(
            "-p - can be read only once, but several checks or targets need it: write the parameter sets to a file"
        )
    mine, elsewhere = _divided(selected.queries, options["shard"])
    run = Run(
        queries=QueryOptions(selected=mine, name=options["name"], group=options["group"]),
        sources=build_run.sources_of(options, ctx),
        targets=build_run.targets_of(options, targets),
        limits=build_run.limits_of(options, ctx),
        safety=SafetyOptions(confirmed=options["confirm"], ledger=options["ledger"]),
    )
    run = build_run.completed(run, ctx)
    refused = None if run.limits.target_throttles else refuse_unthrottled(targets, options["confirm"])
    if refused is not None:
        raise refused
    return CheckRequest(
        run=run,
        references=selected.references,
        variants=selected.variants,
        other_targets=_other_targets(mine, ctx),
        elsewhere=elsewhere,
        snapshot=options["snapshot"],
        allow_empty=options["allow_empty"],
        most_rows=options["max_rows"],
    )


def _divided(every: tuple[Query, ...], shard: Shard | None) -> tuple[tuple[Query, ...], tuple[Query, ...]]:
    """Return the checks of the shard, by their numbers in the selection, and those of the others."""
    if shard is None:
        return every, ()
    mine = every[shard.index - 1 :: shard.count]
    return mine, tuple(query for number, query in enumerate(every, 1) if shard.skipped(number))


def _other_targets(queries: Sequence[Query], ctx: click.Context) -> dict[str, Target]:
    """Return the databases of `same as NAME on TARGET`."""
    from bulkq.query import read_rules

    found: dict[str, Target] = {}
    for query in queries:
        for condition in read_rules(query).expect:
            if condition.target:
                try:
                    found[condition.target] = build_run.one_target((condition.target,), ctx)
                except UsageError as error:
                    raise QueryFileError(f"{query.file or '-e'}:{query.line}: {condition.text}: {error}") from None
    return found
