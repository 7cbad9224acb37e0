"""The options of the section Limits: concurrency, time, retries, and when to stop."""

from __future__ import annotations

from functools import partial

import click

from bulkq.cli.options.option import options_of
from bulkq.cli.options.types import Count, Duration, MaxFailures, Multiple, Text, WaitTime, Words

option = options_of("Limits")

CONCURRENCY = partial(
    option,
    "-j",
    "--concurrency",
    type=Count(1, word="auto"),
    metavar="auto|N",
    help="Maximum number of connections that work at the same time. auto finds the number while the run works.",
)
TIMEOUT = partial(
    option,
    "--timeout",
    type=Duration(),
    metavar="TIME",
    help="Timeout per query, including sql: sources and --targets-sql. Use none for no timeout.",
)
LOCK_TIMEOUT = option(
    "--lock-timeout",
    type=Duration(),
    default="2s",
    show_default=True,
    metavar="TIME",
    help="Maximum time that a query waits for a lock. Use none for no limit.",
)
RETRIES = partial(
    option,
    "--retries",
    type=Count(0),
    metavar="N",
    help="Maximum number of retries after a transient error: deadlock, serialization failure, lost connection.",
)
DEADLINE = option(
    "--deadline",
    type=Duration(),
    metavar="TIME",
    help="Time limit for the whole run, which then stops with exit code 5. Default: no limit.",
)
THROTTLE = option(
    "--throttle",
    type=Text(),
    multiple=True,
    metavar="EXPR",
    help="Start no batch while EXPR does not hold: lag<2s, lag<64MB, wal<20MB/s, archive<50, slot<10GB, waiters<1, active<50, "
    "oldest_xact<1h, autovacuum, commit<200ms; or while a query, a service or a file says so: sql:QUERY, http:URL, file:PATH. "
    "Repeatable; use none for no throttle.",
)
ON_CRITICAL = partial(
    option,
    "--on-critical",
    type=Words("stop", "pause"),
    help="Effect of --critical: stop ends the run, pause holds it like --throttle.",
)
NICE = partial(
    option,
    "--nice",
    type=Multiple(100, "auto"),
    metavar="auto|N",
    help="Pause of a connection after each batch, as a multiple of the time that the batch took, from 0 to 100: "
    "0.5 is half of it. auto, for a backfill on PostgreSQL, works and rests so that transactions of others take hardly longer.",
)
_HOLDS = (
    option(
        "--throttle-every",
        type=Duration(),
        metavar="TIME",
        help="Time between two readings of the signals of --throttle. Default: 1s.",
    ),
    option(
        "--throttle-timeout",
        type=Duration(),
        metavar="TIME",
        help="Maximum time to wait for --throttle without a break. Then the run stops with exit code 5 and can be resumed. "
        "Default: no limit.",
    ),
    option(
        "--critical",
        type=Text(),
        multiple=True,
        metavar="EXPR",
        help="Signal of --throttle that stops the run with exit code 5, or holds it, see --on-critical. "
        "Repeatable; use none for no signal.",
    ),
)
_PACE = (
    option(
        "--window",
        type=Text(),
        multiple=True,
        metavar="HH:MM-HH:MM [ZONE]",
        help="Start batches only in these hours of each day, for example '22:00-06:00 Europe/Berlin'. Repeatable. "
        "Default zone: that of this machine. Use none for all hours.",
    ),
    option(
        "--max-rate",
        metavar="N/s",
        help="Maximum rate on average: 500/s parameter sets, or 5000rows/s, which is the form for a backfill. Default: none.",
    ),
)
PACE = (*_HOLDS, ON_CRITICAL(default="stop", show_default=True), *_PACE, NICE())
RECORDED_PACE = (*_HOLDS, ON_CRITICAL(), *_PACE, NICE())
"""The same without defaults, which are the values of the recorded run."""

OUTAGE = partial(
    option,
    "--outage",
    type=WaitTime(),
    metavar="TIME",
    help="Maximum time to wait for a target that stopped answering. Use none not to wait.",
)
BATCH = partial(
    option,
    "--batch",
    type=Count(1, word="auto"),
    metavar="auto|N",
    help="Number of parameter sets per round trip and transaction.",
)
BATCH_FORM = option(
    "--batch-form",
    type=click.Choice(["auto", "set", "pipeline"]),
    default="auto",
    show_default=True,
    help="Form of a batch of reads: one statement for all sets, one execution for each, or the faster of both, which is measured. "
    "Results are the same.",
)
MOST_ROWS = option(
    "--max-rows",
    type=Count(1),
    default=10_000_000,
    show_default=True,
    metavar="N",
    help="Maximum number of rows in the result of a check. More is an error.",
)
EXECUTOR = option(
    "--executor",
    type=Text(),
    metavar="WHERE",
    help="Place where batches are executed: local is this process, dask:local=N starts N worker processes, dask=tcp://HOST:PORT "
    "uses the workers of a Dask scheduler, a name is one of [executors] in bulkq.toml. Default: local.",
)
FAIL_FAST = option("-x", "--fail-fast", is_flag=True, help="Stop at the first failure and cancel what runs.")
MAX_FAILURES = option(
    "--max-failures",
    type=MaxFailures(),
    metavar="N|N%",
    help="Stop when N sets, or N percent of at least 100 sets, have failed. Default: no limit.",
)
