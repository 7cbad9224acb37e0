"""The options of `resume` and `retry`. All other settings come from the recorded run."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import click

from bulkq.cli.messages import Messages
from bulkq.cli.options import limits, output, safety, targets
from bulkq.cli.options.build_run import executor_of, pace_of, some_targets
from bulkq.cli.options.build_run import warn_of_password as warn_of_target
from bulkq.cli.options.option import option, together, typed
from bulkq.cli.options.option_typed_dicts import PaceValues
from bulkq.cli.options.safety import warn_of_password
from bulkq.cli.options.types import RunText
from bulkq.errors import TargetError, UsageError
from bulkq.model import Threshold
from bulkq.text.urls import find_passwords
from bulkq.throttles import fix_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    F = TypeVar("F", bound="Callable[..., object]")

START = ("last", "concurrency", "timeout", "batch", "on_unknown", "ledger", "report")
"""The options that people use first, for `bulkq resume -h`."""

RUN_FIELDS = {
    "concurrency": "concurrency",
    "timeout": "timeout_s",
    "deadline": "deadline_s",
    "outage": "outage_s",
    "throttle": "throttle",
    "throttle_every": "throttle_every_s",
    "throttle_timeout": "throttle_timeout_s",
    "critical": "critical",
    "on_critical": "on_critical",
    "window": "window",
    "nice": "nice",
    "max_rate": "max_rate",
    "executor": "executor",
    "batch": "batch",
    "on_unknown": "retry_unknown",
    "max_failures": "max_failures",
    "max_affected": "max_affected",
    "confirm": "confirmed",
}
"""Options that change the run, with the field of `bulkq.model.Run` that each changes."""


class RecordedOptions(PaceValues):
    """The values that Click passes to `resume` and `retry`, by option name."""

    run: str | None
    last: bool
    target: tuple[str, ...]
    concurrency: int | None
    timeout: float | None
    deadline: float | None
    outage: float | None
    executor: str | None
    batch: int | None
    on_unknown: str | None
    max_failures: tuple[int | None, float | None] | None
    max_affected: int | None
    confirm: tuple[str, ...]
    ledger: str
    report: tuple[str, ...]
    progress: str
    metrics: str | None
    log_format: str
    debug: bool


def options_of_recorded(function: F) -> F:
    """Add the options of `resume` and `retry`. No default is shown: it is the value of the recorded run."""
    return together(
        click.argument("run", required=False, type=RunText(), metavar="[RUN]"),
        option("--last", section="Queries", is_flag=True, envvar=None, help="Use the newest run instead of a run id."),
        targets.TARGET,
        limits.CONCURRENCY(),
        limits.TIMEOUT(),
        limits.DEADLINE,
        limits.OUTAGE(),
        limits.EXECUTOR,
        limits.THROTTLE,
        *limits.RECORDED_PACE,
        limits.BATCH(),
        limits.MAX_FAILURES,
        safety.ON_UNKNOWN(),
        safety.MAX_AFFECTED,
        safety.CONFIRM,
        safety.LEDGER,
        output.REPORT,
        output.PROGRESS,
        output.METRICS,
        output.LOG_FORMAT,
        output.DEBUG,
    )(function)


def understood(ctx: click.Context, options: RecordedOptions) -> tuple[Messages, dict[str, object]]:
    """Return the messages, and the fields of the run that the command line changes.

    Raises:
        UsageError: the command line names no run, or two.
    """
    messages = Messages(as_json=options["log_format"] == "json")
    if options["last"] is (options["run"] is not None):
        wrong = f'"{options["run"]}" and --last: name one of them' if options["last"] else "no run"
        raise UsageError(f"{wrong}: {ctx.command_path} RUN, or --last for the newest (bulkq runs lists them)")
    warn_of_target(options["target"], ctx, messages)
    warn_of_password(options["ledger"], messages)
    return messages, _changes(ctx, options)


@contextmanager
def advise_passwords(changes: dict[str, object]) -> Iterator[None]:
    """Add to an error about a password that it has to be given again, unless `changes` has targets."""
    try:
        yield
    except TargetError as error:
        if "targets" in changes or "password" not in str(error).lower():
            raise
        advice = "the ledger keeps no passwords of URLs: give the URL again with -t, or set BULKQ_TARGET to it"
        raise TargetError(f"{error} ({advice})") from error


def allowed(words: tuple[tuple[str, ...], ...]) -> dict[str, object]:
    """Return the field of the run that `--allow` changes: its words are added to those of the run."""
    return {"allow": frozenset(word for some in words for word in some)} if words else {}


def _changes(ctx: click.Context, options: RecordedOptions) -> dict[str, object]:
    """Return the options of the command line. The environment is ignored: it was part of the request when the run began."""
    pace = pace_of(options, recorded=True)
    values: dict[str, object] = {
        **{field: dict(options)[name] for name, field in RUN_FIELDS.items()},
        **pace,
        "executor": executor_of(options["executor"], ctx),
        "retry_unknown": options["on_unknown"] == "retry",
        "throttle": fix_paths(pace["throttle"]),  # a resume works in the folder of its run
        "critical": fix_paths(pace["critical"]),
        "max_failures": Threshold(*options["max_failures"]) if options["max_failures"] else None,
    }
    changes = {field: values[field] for name, field in RUN_FIELDS.items() if typed(ctx, name)}
    if "throttle" in changes:
        changes["target_throttles"] = pace["target_throttles"]
    if "concurrency" in changes:
        changes["concurrency_given"] = True
    if "timeout_s" in changes:
        changes["timeout_given"] = True
    if "batch" in changes:
        changes["batch_given"] = True
    if "max_failures" in changes:
        changes["fail_fast"] = False  # --fail-fast is --max-failures 1 and would stop the run again
    # The ledger does not record passwords, so one from the environment is still needed.
    if typed(ctx, "target") or any(find_passwords(url) for url in options["target"]):
        changes["targets"] = some_targets(options["target"], ctx)
    return changes
