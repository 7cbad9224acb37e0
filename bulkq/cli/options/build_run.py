"""Build a `Run` from the options of the command line."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bulkq.cli.options.config_defaults import config_of, given, said
from bulkq.cli.options.option import typed
from bulkq.cli.options.shard_output_paths import own_file
from bulkq.cli.options.sources import refuse_lone
from bulkq.dialects import dialect_for
from bulkq.drivers import dialect_of
from bulkq.errors import BulkqError, UsageError, join_errors
from bulkq.lifecycle.query_files import choose_queries
from bulkq.model import Run, Threshold
from bulkq.model.run import LimitOptions, OutputOptions, QueryOptions, SafetyOptions, SourceOptions, TargetOptions
from bulkq.policy import safety
from bulkq.policy.gentle_pace import AUTO
from bulkq.policy.pace import check_nice, parse_rate
from bulkq.policy.parse_executor import parse_executor
from bulkq.text.urls import find_passwords, hide_passwords
from bulkq.throttles import NO_THROTTLE, check_throttles, check_windows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

    from bulkq.cli.messages import Messages
    from bulkq.cli.options.option_typed_dicts import ExecuteOptions, LimitValues, PaceValues
    from bulkq.cli.options.run_options import RunOptions
    from bulkq.model import ExecutorChoice, Query, Target
    from bulkq.targets import DefaultSetting

EXAMPLE = "for example -t sqlite:///app.db or -t postgresql://host/database, or set BULKQ_TARGET"

WORST_FIRST = (4, 3, 2)
"""Exit codes of a command on many targets, in order of precedence."""

WRITE_ONLY = ("idempotent", "marker_table", "keep_markers", "on_unknown", "expect_rows", "max_affected")
"""Options that are valid only with `--write`."""


def build(options: RunOptions, ctx: click.Context) -> Run:
    """Return the request of the command line. Reads query files and no other input.

    Raises:
        UsageError: a value is missing, a file cannot be read, or options contradict each other.
    """
    targets = some_targets(options["target"], ctx)
    _check(options, ctx)
    queries = _queries(options, targets)
    _check_targets(options, targets)
    request = Run(
        queries=QueryOptions(selected=queries, name=options["name"], tags=options["tag"], group=options["group"]),
        sources=sources_of(options, ctx),
        targets=replace(targets_of(options, targets), canaries=canaries(options["order"])),
        limits=_limits(options, ctx),
        safety=_safety(options, ctx, queries),
        output=_output(options, ctx),
    )
    return completed(request, ctx)


def completed(request: Run, ctx: click.Context) -> Run:
    """`request` with the replicas that the configuration names."""
    from bulkq.targets import with_replicas

    return with_replicas(request, config_of(ctx))


def sources_of(options: ExecuteOptions, ctx: click.Context) -> SourceOptions:
    """Where parameter sets come from; of `run` and `check`.

    Raises:
        UsageError: the target of `--params-target` is not known, a constant is given twice, or an option of `-p` is typed without it.
    """
    target = one_target((options["params_target"],), ctx) if options["params_target"] else None
    if not options["params"]:
        refuse_lone(ctx)
    return SourceOptions(
        specs=options["params"],
        constants=constants(options["param"]),
        format=options["params_format"],
        target=target,
        grid=options["grid"],
        null=options["null"],
        ignore_extra_columns=options["extra_columns"] == "ignore",
        shard=options["shard"],
    )


def targets_of(options: ExecuteOptions, targets: tuple[Target, ...]) -> TargetOptions:
    """`targets` with what is to be found in them; of `run` and `check`.

    Raises:
        UsageError: `--schemas-with` without `--schemas`.
    """
    return TargetOptions(
        selected=targets,
        schemas=schemas(options["schemas"]),
        schemas_with=schemas_with(options),
        sql=options["targets_sql"],
    )


def _unused_nice(ctx: click.Context) -> DefaultSetting | None:
    """Return `nice = "auto"` of the configuration if the command is not a backfill, nor goes on with a recorded run."""
    paced = {"over", "last"} & ctx.params.keys()
    unused = not paced and ctx.params.get("nice") == AUTO and not given(ctx, "nice")
    return config_of(ctx).defaults.get("nice") if unused else None


def limits_of(options: LimitValues, ctx: click.Context) -> LimitOptions:
    """What `run`, `check` and `backfill` limit in the same way."""
    used: LimitValues = options if _unused_nice(ctx) is None else {**options, "nice": None}
    return LimitOptions(
        concurrency=options["concurrency"],
        concurrency_given=said(ctx, "concurrency"),
        per_target=options["per_target"],
        connect_timeout_s=options["connect_timeout"],
        timeout_s=options["timeout"],
        timeout_given=given(ctx, "timeout"),
        lock_timeout_s=options["lock_timeout"],
        lock_timeout_given=given(ctx, "lock_timeout"),
        deadline_s=options["deadline"],
        retries=options["retries"],
        retries_given=given(ctx, "retries"),
        outage_s=options["outage"],
        **pace_of(used, backfill="over" in options),
        executor=executor_of(options.get("executor"), ctx),
        fail_fast=options["fail_fast"],
        max_failures=Threshold(*options["max_failures"]) if options["max_failures"] else None,
    )


def executor_of(text: str | None, ctx: click.Context) -> ExecutorChoice | None:
    """Return where batches are executed: what `--executor` says, or a name of the configuration.

    Raises:
        UsageError: it is not valid, or not a name.
    """
    if text is None:
        return None
    known = config_of(ctx).executors
    return known[text] if text in known else parse_executor(text)


def pace_of(options: PaceValues, *, backfill: bool = False, recorded: bool = False) -> dict[str, Any]:
    """Return the fields of `LimitOptions` for throttles, hours and pace.

    Args:
        options: of the command.
        backfill: the run is one.
        recorded: which run it is, is not known yet.

    Raises:
        UsageError: an expression, a window, a rate or a pace is not valid.
    """
    max_rate = None if options["max_rate"] == "none" else options["max_rate"]
    if max_rate is not None:
        parse_rate(max_rate, backfill=backfill)
    if not recorded:
        check_nice(options["nice"], backfill=backfill)
    return {
        "throttle": check_throttles(options["throttle"]),
        "target_throttles": options["throttle"] != NO_THROTTLE,
        "throttle_every_s": options["throttle_every"],
        "throttle_timeout_s": options["throttle_timeout"],
        "critical": check_throttles(options["critical"], "--critical"),
        "on_critical": options["on_critical"],
        "window": check_windows(options["window"]),
        "nice": options["nice"],
        "max_rate": max_rate,
    }


def _limits(options: RunOptions, ctx: click.Context) -> LimitOptions:
    return replace(
        limits_of(options, ctx),
        ordered=options["ordered"],
        batch=options["batch"],
        batch_given=given(ctx, "batch"),
        batch_form=options["batch_form"],
        max_failed_targets=options["max_failed_targets"],
    )


def _safety(options: RunOptions, ctx: click.Context, queries: Sequence[Query]) -> SafetyOptions:
    """What only a write can mean is left out of a read."""
    allow = frozenset(word for words in options["allow"] for word in words)
    if not options["write"]:
        return SafetyOptions(allow=allow, confirmed=options["confirm"], ledger=options["ledger"])
    return SafetyOptions(
        write=True,
        allow=allow,
        confirmed=options["confirm"],
        ledger=options["ledger"],
        idempotent=options["idempotent"] and (given(ctx, "idempotent") or not _opposed(queries)),
        marker_table=options["marker_table"],
        keep_markers=options["keep_markers"],
        retry_unknown=options["on_unknown"] == "retry",
        expect_rows=options["expect_rows"],
        max_affected=options["max_affected"],
    )


def _output(options: RunOptions, ctx: click.Context) -> OutputOptions:
    return OutputOptions(
        path=own_file("-o", options["output"], options["shard"]),
        format=options["format"],
        include=tuple(dict.fromkeys(word for words in options["include"] for word in words)),
        unordered=options["unordered"],
        map=options["map"],
        map_timeout_s=options["map_timeout"],
        map_timeout_given=given(ctx, "map_timeout"),
        failures=own_file("--failures", options["failures"], options["shard"]),
    )


def _queries(options: RunOptions, targets: Sequence[Target]) -> tuple[Query, ...]:
    """Return the queries, which must mean the same in the SQL dialects of all targets."""
    dialects = list(dict.fromkeys(dialect(target.url) for target in targets))
    found = [choose_queries(options["files"], options["sql"], one) for one in dialects]
    for other, queries in zip(dialects[1:], found[1:], strict=True):
        if queries != found[0]:
            names = ", ".join(a.place for a, b in zip(found[0], queries, strict=False) if a != b)
            raise UsageError(
                f"{names}: the SQL is read differently for {other} and for {dialects[0]}: run the targets one by one"
            )
    return found[0]


def _check(options: RunOptions, ctx: click.Context) -> None:
    """Raise UsageError if options contradict each other. Runs before any file is read."""
    if not options["files"] and not options["sql"]:
        raise UsageError('nothing to run: name a query file, or write -e "select 1"')
    check_ledger(options["ledger"], options["group"])
    _check_write(options, ctx)
    check_stdin(options["params"])
    _check_text(options)
    _check_map(options)
    _check_shard(options)


def _find_query_source(options: RunOptions) -> str | None:
    return next((spec for spec in options["params"] if spec.startswith(("sql:", "@"))), None)


def _check_shard(options: RunOptions) -> None:
    """Raise UsageError for a query as the source of a shard: its rows and their order may differ from run to run."""
    if options["shard"] is not None and (asked := _find_query_source(options)):
        raise UsageError(
            f'-p "{asked}": each shard would run the query itself, and could get other rows or another order: write the rows to a '
            "file with bulkq run -o FILE, and give it to all shards"
        )


def _check_targets(options: RunOptions, targets: Sequence[Target]) -> None:
    """Raise UsageError for options that need a single target."""
    if options["targets_sql"] is not None and len(targets) > 1:
        raise UsageError(f"--targets-sql runs on one database: give -t once, not {len(targets)} targets")
    if len(targets) == 1 and options["targets_sql"] is None:
        return
    if (asked := _find_query_source(options)) and not options["params_target"]:
        raise UsageError(f'-p "{asked}": there are several targets: name the one to query with --params-target')


def schemas(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the patterns of `--schemas`, also those separated by commas."""
    return tuple(word.strip() for words in patterns for word in words.split(",") if word.strip())


def schemas_with(options: ExecuteOptions) -> tuple[str, ...]:
    """Return the names of `--schemas-with`, each once.

    Raises:
        UsageError: `--schemas` is not given.
    """
    if options["schemas_with"] and not options["schemas"]:
        raise UsageError("--schemas-with adds schemas behind those of --schemas: give --schemas too")
    return tuple(dict.fromkeys(schemas(options["schemas_with"])))


def canaries(order: str | None) -> tuple[str, ...]:
    """Return the names or patterns of the targets that `--order canary:NAME,rest` puts first."""
    if order is None:
        return ()
    words = [word.strip() for word in order.split(",")]
    names = tuple(word.removeprefix("canary:") for word in words if word.startswith("canary:"))
    if not all(names) or not names or [*(f"canary:{name}" for name in names), "rest"] != words:
        raise UsageError(f'--order "{order}": write canary:NAME,rest (several: canary:A,canary:B,rest)')
    return names


def one_target(wanted: tuple[str, ...], ctx: click.Context) -> Target:
    """Return the target of a command that works on one target.

    Raises:
        UsageError: `-t` names no target or more than one.
    """
    found = some_targets(wanted, ctx)
    if len(found) > 1:
        raise UsageError(f"{len(found)} targets: this works on one at a time, give -t once")
    return found[0]


def some_targets(wanted: tuple[str, ...], ctx: click.Context) -> tuple[Target, ...]:
    """Return the targets that `-t` names, each once.

    Raises:
        UsageError: `-t` names no target or an unknown one.
    """
    if not wanted:
        raise UsageError(f"no target: give a database, {EXAMPLE}")
    from bulkq.targets import resolve_targets

    return resolve_targets(wanted, config_of(ctx))


def named(error: BulkqError, target: Target) -> BulkqError:
    """Return `error` with the name of its target in the message."""
    name = target.name or hide_passwords(target.url)
    return error if f'"{name}"' in str(error) else type(error)(f'target "{name}": {error}')


def dialect(target: str | None) -> str:
    """Return the SQL dialect of `target`; that of PostgreSQL if there is no target."""
    return dialect_of(target or "")


def refusal(request: Run, confirmed: tuple[str, ...]) -> BulkqError | None:
    """Return the error of the safety rules for `request`: usage errors, else refusals; None if they permit it.

    Args:
        request: the run.
        confirmed: names of `--confirm`.
    """
    given, selected, counted = request.safety, request.queries.selected, safety.counted_option(request)
    found = [safety.refuse(query, write=given.write, allow=given.allow) for query in selected]
    found += [safety.refuse_options(q, idempotent=given.idempotent, counted=counted) for q in selected]
    found.append(safety.refuse_protected(request.targets.selected, write=given.write, confirmed=confirmed))
    if not request.limits.target_throttles:
        found.append(safety.refuse_unthrottled(request.targets.selected, confirmed))
    refused = [error for error in found if error is not None]
    usage = [error for error in refused if isinstance(error, UsageError)]
    if usage:
        return join_errors(UsageError, (str(error) for error in usage))
    if refused:
        kind = type(refused[0])
        return kind("\n".join(str(error) for error in refused[:20]))
    return None


def warn_of_password(options: tuple[str, ...], ctx: click.Context, messages: Messages) -> None:
    """Print the warnings of the configuration, and warn of a password in `-t`: other users can list arguments."""
    from click.core import ParameterSource

    for notice in config_of(ctx).notices:
        messages.say("warning", notice)
    if (nice := _unused_nice(ctx)) is not None:
        text = f'{nice.place}: defaults.nice "{AUTO}" is for backfills: this run has no pauses, unless --nice gives a number'
        messages.say("info", text, bare=True)
    if ctx.get_parameter_source("target") is not ParameterSource.COMMANDLINE:
        return
    shown = [url for url in options if find_passwords(url)]
    if shown:
        libpq = "~/.pgpass, PGPASSWORD or " if all(dialect_for(dialect_of(url)).libpq for url in shown) else ""
        other = "" if libpq else ", or name its source in bulkq.toml"
        messages.say(
            "warning",
            f"the password in -t is visible in the process list: put it into {libpq}BULKQ_TARGET{other}",
        )


def _opposed(queries: Sequence[Query]) -> bool:
    """Return True if a query file has `@idempotent false`, which outranks a file."""
    return any(query.idempotent is False for query in queries)


def constants(pairs: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return the values of `--param`.

    Raises:
        UsageError: a name has two values.
    """
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise UsageError(f'--param "{name}" is given twice: give it once')
        found[name] = value
    return found


def check_ledger(ledger: str, group: str | None = None) -> None:
    """Raise UsageError if `--ledger` is not valid, or if it would not keep the `group`, before anything is opened."""
    if ledger != "none":
        from bulkq.ledger.location import locate

        locate(ledger)
    elif group is not None:
        from bulkq.text.characters import escape_unprintable

        raise UsageError(
            f'--group "{escape_unprintable(group)}" is kept in a ledger: leave out --ledger none (or BULKQ_LEDGER), or leave out --group'
        )


def _check_write(options: RunOptions, ctx: click.Context) -> None:
    """Raise UsageError for typed options that need `--write`; reads ignore them in the environment."""
    given = [name for name in WRITE_ONLY if typed(ctx, name)]
    needy = [_long(name) for name in given if name != "on_unknown" or options["on_unknown"] == "retry"]
    if needy and not options["write"]:
        raise UsageError(f"{needy[0]} is for runs that change data: add --write, or leave it out")
    marking = [_long(name) for name in ("marker_table", "keep_markers") if name in given]
    without = "--idempotent" if options["idempotent"] else "--ledger none" if options["ledger"] == "none" else ""
    if marking and without:
        raise UsageError(f"{without} makes no markers: leave it out, or {marking[0]}")


def _long(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _check_map(options: RunOptions) -> None:
    if options["map"] is not None and options["write"]:
        raise UsageError(
            "--map is for reads: a set whose rows could not be mapped would have been applied all the same"
        )
    if options["map"] is None and options["map_timeout"] is not None:
        raise UsageError("--map-timeout says how long --map may take: add --map, or leave it out")


def _check_text(options: RunOptions) -> None:
    """Raise UsageError for arguments that are not UTF-8: Python reads them as lone surrogates, which databases reject."""
    for name, texts in (("-e", options["sql"]), ("-p", options["params"]), ("--param", sum(options["param"], ()))):
        for text in texts:
            if any("\ud800" <= character <= "\udfff" for character in text):
                raise UsageError(f'{name} "{text}": holds bytes that are not UTF-8')


def check_stdin(specs: Sequence[str]) -> None:
    """Raise UsageError if stdin would be read twice or is a terminal."""
    if specs.count("-") > 1:
        raise UsageError("-p - is given twice: standard input can be read once")
    if "-" in specs and sys.stdin is not None and sys.stdin.isatty():
        raise UsageError("-p - reads standard input, which is a terminal: pipe parameter sets into it")
