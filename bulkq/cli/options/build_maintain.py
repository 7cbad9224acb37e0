"""Build the request of `bulkq maintain` from the options of the command line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bulkq.cli.options import build_run
from bulkq.errors import UsageError
from bulkq.model import Mode, Parameter, Query, Run, StatementClass
from bulkq.model.maintenance import MaintenanceOptions
from bulkq.model.run import OutputOptions, QueryOptions, SafetyOptions, TargetOptions
from bulkq.policy.object_order import ORDERS, URGENCY
from bulkq.policy.object_selection import parse_selection
from bulkq.text.message_parts import suggestion_or_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

    from bulkq.cli.options.maintain_options import MaintainValues

ONLY_FOR = {
    "skip_locked": ("vacuum", "freeze", "analyze"),
    "full": ("vacuum",),
    "analyze": ("vacuum", "freeze"),
    "parallel": ("vacuum", "freeze"),
    "buffer_usage_limit": ("vacuum", "freeze", "analyze"),
    "no_concurrently": ("reindex", "refresh"),
    "repair": ("indexes",),
}
"""By option: the commands that it is for."""

_KB = {"": 1, "kB": 1, "MB": 1 << 10, "GB": 1 << 20, "TB": 1 << 30}
LEAST_KB, MOST_KB = 128, 16 << 20
"""Bounds of PostgreSQL for the buffers of a command, in kB: a number without a unit is in kB, too."""


def build(options: MaintainValues, ctx: click.Context) -> Run:
    """Return the request of the command line. Connects to nothing.

    Raises:
        UsageError: a value is missing or not valid, or an option is for another command.
    """
    selected = build_run.some_targets(options["target"], ctx)
    build_run.check_ledger(options["ledger"])
    command = options["what"]
    _refuse_options_of_others(options)
    _refuse_empty_names(options)
    _refuse_what_full_lacks(options)
    if options["select"] is not None:
        parse_selection(options["select"])
    order, canaries = _order(options["order"])
    request = Run(
        queries=QueryOptions(selected=(command_query(command),), name=options["name"], tags=options["tag"]),
        targets=TargetOptions(selected=selected, canaries=canaries),
        limits=replace(build_run.limits_of(options, ctx), max_failed_targets=options["max_failed_targets"]),
        safety=SafetyOptions(write=True, confirmed=options["confirm"], ledger=options["ledger"]),
        output=OutputOptions(format="none", failures=options["failures"]),
        maintenance=MaintenanceOptions(
            command=command,
            select=options["select"] or "",
            order=order,
            tables=options["table"],
            schemas=options["schema"],
            exclude=options["exclude"],
            skip_locked=options["skip_locked"],
            after_lock_tries=options["after_lock_tries"],
            concurrently=not options["no_concurrently"],
            full=options["full"],
            analyze=options["analyze"],
            parallel=options["parallel"],
            buffer_usage_limit=_memory(options["buffer_usage_limit"]),
            repair=options["repair"],
        ),
    )
    return build_run.completed(request, ctx)


def command_query(command: str) -> Query:
    """The query that stands for a command in records and reports. Its parameter is the name of an object."""
    return Query(
        name=command,
        sql=f"{command.upper()} :object",
        parameters=(Parameter("object"),),
        statement=StatementClass.MAINTENANCE,
        mode=Mode.MAINTENANCE,
        verb=command.upper(),
        transaction=False,
    )


def _refuse_options_of_others(options: MaintainValues) -> None:
    """Raise UsageError for an option that has no effect on the command."""
    given = dict(options)
    for name, commands in ONLY_FOR.items():
        if given[name] not in {None, False} and options["what"] not in commands:
            raise UsageError(
                f"--{name.replace('_', '-')} is for {', '.join(commands)}: leave it out for {options['what']}"
            )


def _refuse_empty_names(options: MaintainValues) -> None:
    """Raise UsageError for an empty name, which is probably a variable of a shell that is not set."""
    for name, given in (("table", options["table"]), ("schema", options["schema"]), ("exclude", options["exclude"])):
        if "" in given:
            raise UsageError(f'--{name} "": the name is empty: write one, or leave the option out')


def _refuse_what_full_lacks(options: MaintainValues) -> None:
    """Raise UsageError for options that PostgreSQL does not take together with VACUUM FULL."""
    if options["full"] and options["parallel"]:
        raise UsageError("--parallel has no effect with --full: leave one of them out")
    if options["full"] and options["buffer_usage_limit"] is not None and not options["analyze"]:
        raise UsageError("--buffer-usage-limit with --full is for --analyze only: add --analyze, or leave it out")


def _order(words: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The order of the objects, and the targets that come first."""
    order, canaries = URGENCY, tuple[str, ...]()
    for word in words:
        if word.startswith("canary:"):
            canaries += build_run.canaries(word)
        elif word in ORDERS:
            order = word
        else:
            raise UsageError(f'--order "{word}": no such order{suggestion_or_names(word, ORDERS)}')
    return order, canaries


def _memory(text: str | None) -> str:
    """A size as PostgreSQL takes it. It stands in a statement as a literal, so it must be nothing else."""
    if text is None:
        return ""
    number, unit = text.rstrip("kMGTB "), text[len(text.rstrip("kMGTB ")) :].strip()
    if not number.isascii() or not number.isdigit() or unit not in {"", "kB", "MB", "GB", "TB"}:
        raise UsageError(f'--buffer-usage-limit "{text}": is not a size: write for example 256MB')
    size = int(number) * _KB[unit]
    if size and not LEAST_KB <= size <= MOST_KB:
        raise UsageError(f'--buffer-usage-limit "{text}": must be 0, or from 128kB to 16GB')
    return text
