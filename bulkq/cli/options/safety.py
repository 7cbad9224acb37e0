"""The options of the section Safety: what may be changed, and how a run is kept exact and resumable."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from bulkq.cli.options.option import options_of, typed
from bulkq.cli.options.types import ByteSize, Count, MarkerPrefix, TargetText, Text, WordList, Words
from bulkq.policy.safety import ALLOWABLE, REWRITTEN
from bulkq.text.urls import find_passwords

if TYPE_CHECKING:
    from bulkq.cli.messages import Messages

option = options_of("Safety")

WRITE = option("--write", is_flag=True, help="Let queries change data. Without it, the server rejects every change.")
CONFIRM = option(
    "--confirm",
    type=TargetText(),
    multiple=True,
    metavar="NAME",
    help="Let --write change a target that bulkq.toml protects, or let --throttle none leave out the throttles that it has there. "
    "Repeatable.",
)
PERMISSIONS = (
    option(
        "--allow",
        type=WordList(*ALLOWABLE),
        multiple=True,
        help="Permit UPDATE and DELETE without WHERE, and a backfill whose range bounds other rows than those of its table "
        "(unbounded), TRUNCATE (truncate), CREATE, ALTER and DROP (ddl), a plan of a backfill that reads the whole table for "
        "each range (seqscan), or a backfill that reads other tables whose rows row level security hides from its role (hidden).",
    ),
    CONFIRM,
)
REWRITTEN_TABLE = option(
    "--allow",
    type=WordList(REWRITTEN),
    multiple=True,
    envvar=None,
    help="Continue a backfill although its table was written anew, a column of its key was moved, or partitions left or came back, "
    "since the run began (rewritten). Give it if the rows have the keys that they had.",
)
LEDGER = option(
    "--ledger",
    type=Text(),
    default="auto",
    show_default=True,
    metavar="auto|URL",
    help="Ledger of runs: a file, sqlite:///FILE or postgresql://...; auto is bulkq/ledger.db in $XDG_STATE_HOME.",
)
_RECORD = (
    "Where to record the run: a file, sqlite:///FILE or postgresql://...; auto is bulkq/ledger.db in $XDG_STATE_HOME"
)
_LEDGER_OR_NONE = partial(option, "--ledger", type=Text(), default="auto", show_default=True, metavar="auto|URL|none")
LEDGER_OR_NONE = _LEDGER_OR_NONE(help=f"{_RECORD}; none records nothing, and the run cannot be resumed.")
CHECK_LEDGER = _LEDGER_OR_NONE(help=f"{_RECORD}; none records nothing, and the history of the checks is not shown.")
ON_UNKNOWN = partial(
    option,
    "--on-unknown",
    type=Words("stop", "retry"),
    help="How to treat a parameter set whose outcome is unknown: stop reports it, retry sends it again.",
)
MAX_AFFECTED = option(
    "--max-affected",
    type=Count(1),
    metavar="N",
    help="Stop with exit code 4 before the run has changed more than N rows. Default: no limit.",
)
CAPTURE_MAX = partial(
    option,
    "--capture-max",
    type=ByteSize(),
    metavar="SIZE|none",
    help="Stop with exit code 5 when what --capture keeps has grown by SIZE; the run can be resumed.",
)
CAPTURE = (
    option(
        "--capture",
        is_flag=True,
        help="Keep what the changed rows were, so that bulkq undo RUN can give them their old values back. PostgreSQL and SQLite.",
    ),
    option(
        "--capture-table",
        type=MarkerPrefix(),
        metavar="[SCHEMA.]NAME",
        help="Table in the target where --capture keeps it. Default: bulkq_images, beside the marker tables.",
    ),
    CAPTURE_MAX(default="10GB", show_default=True),
)
MARKER_TABLE = option(
    "--marker-table",
    type=MarkerPrefix(),
    metavar="[SCHEMA.]PREFIX",
    help="Names of the marker tables in the target: PREFIX_runs and PREFIX_markers. Default: bulkq.",
)
KEEP_MARKERS = option(
    "--keep-markers", is_flag=True, help="Keep the markers of the run in the target when it is finished."
)
EXACTNESS = (
    option(
        "--expect-rows",
        type=Count(0),
        metavar="N",
        help="Roll back a set that changes more or fewer than N rows, and count it as failed.",
    ),
    MAX_AFFECTED,
    option(
        "--ordered",
        is_flag=True,
        help="Apply sets one after the other in input order, with one connection per target. Without it, only sets that "
        "name the same row keep their order; the first line of the run names the parameters that decide.",
    ),
    option(
        "--idempotent",
        is_flag=True,
        help="Write without marker tables, because repeats do no harm: a set may be applied more than once.",
    ),
    MARKER_TABLE,
    KEEP_MARKERS,
    ON_UNKNOWN(default="stop", show_default=True),
)
SNAPSHOT = option("--snapshot", is_flag=True, help="Run all checks of a target in one snapshot (PostgreSQL).")
FORGET = option("--yes", is_flag=True, help="Forget a run even if it could still be resumed.")


def warn_of_password(ledger: str, messages: Messages) -> None:
    """Warn of a password in `--ledger`: other users can list the arguments of a process."""
    if find_passwords(ledger) and typed(click.get_current_context(), "ledger"):
        messages.say(
            "warning",
            "the password in --ledger is visible in the process list: "
            "put it into ~/.pgpass, PGPASSWORD or BULKQ_LEDGER",
        )
