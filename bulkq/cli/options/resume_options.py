"""The options of `resume` and `retry`, which take everything else from what the ledger keeps of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, TypeVar

import click

from bulkq.cli.commands.ledger import LEDGER, warn_of_password
from bulkq.cli.messages import Messages
from bulkq.cli.options.build_run import some_targets
from bulkq.cli.options.build_run import warn_of_password as warn_of_target
from bulkq.cli.options.groups import AGAIN, TARGET, option, together, typed
from bulkq.cli.options.types import Text
from bulkq.errors import UsageError
from bulkq.model import Threshold
from bulkq.text.urls import passwords

if TYPE_CHECKING:
    from collections.abc import Callable

    F = TypeVar("F", bound="Callable[..., object]")

RUN_FIELDS = {
    "concurrency": "concurrency",
    "timeout": "timeout_s",
    "deadline": "deadline_s",
    "outage": "outage_s",
    "batch": "batch",
    "on_unknown": "retry_unknown",
    "max_failures": "max_failures",
    "max_affected": "max_affected",
}
"""Options that change the run, and the fields of `bulkq.model.Run` that they change."""


class RecordedOptions(TypedDict):
    """What Click hands to `resume` and `retry`; names are those of the options."""

    run: str | None
    last: bool
    target: tuple[str, ...]
    concurrency: int | None
    timeout: float | None
    deadline: float | None
    outage: float | None
    batch: int | None
    on_unknown: str | None
    max_failures: tuple[int | None, float | None] | None
    max_affected: int | None
    ledger: str
    report: tuple[str, ...]
    progress: str
    log_format: str
    debug: bool


def options_of_recorded(function: F) -> F:
    """Everything that `resume` and `retry` take."""
    return together(
        click.argument("run", required=False, type=Text(), metavar="RUN"),
        option("--last", is_flag=True, envvar=None, help="The newest run, instead of its id."),
        TARGET,
        *AGAIN,
        LEDGER,
    )(function)


def understood(ctx: click.Context, options: RecordedOptions) -> tuple[Messages, dict[str, object]]:
    """Where lines go, and the fields of the run that the command line changes.

    Raises:
        UsageError: no run is named, or two.
    """
    messages = Messages(as_json=options["log_format"] == "json")
    if options["last"] is (options["run"] is not None):
        wrong = f'"{options["run"]}" and --last: name one of them' if options["last"] else "no run"
        raise UsageError(f"{wrong}: {ctx.command_path} RUN, or --last for the newest (bulkq runs lists them)")
    warn_of_target(options["target"], ctx, messages)
    warn_of_password(options["ledger"], messages)
    return messages, _changes(ctx, options)


def _changes(ctx: click.Context, options: RecordedOptions) -> dict[str, object]:
    """Only what was typed: what the environment says was part of the run when it began, and may be another's by now."""
    values: dict[str, object] = {
        **options,
        "on_unknown": options["on_unknown"] == "retry",
        "max_failures": Threshold(*options["max_failures"]) if options["max_failures"] else None,
    }
    changes = {field: values[name] for name, field in RUN_FIELDS.items() if typed(ctx, name)}
    if "timeout_s" in changes:
        changes["timeout_given"] = True
    if "batch" in changes:
        changes["batch_given"] = True
    if "max_failures" in changes:
        changes["fail_fast"] = False  # which is --max-failures 1, and would stop a run again that it has stopped
    # A password is not kept with the run: where it is in the environment, it is still needed.
    if typed(ctx, "target") or any(passwords(url) for url in options["target"]):
        changes["targets"] = some_targets(options["target"], ctx)
    return changes
