"""A run as it is requested: its options in six sections, and those of a backfill."""

from __future__ import annotations

from dataclasses import field, fields, replace
from typing import TYPE_CHECKING, Literal

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from bulkq.model.executor_choice import ExecutorChoice
    from bulkq.model.maintenance import MaintenanceOptions
    from bulkq.model.query import Query
    from bulkq.model.shard import Shard
    from bulkq.model.target import Target


@frozen
class Threshold:
    """`--max-failures N` or `N%`."""

    count: int | None = None
    percent: float | None = None


@frozen(kw_only=True)
class QueryOptions:
    """Which queries are run, and what the run is called."""

    selected: tuple[Query, ...] = ()
    name: str | None = None
    tags: tuple[str, ...] = ()
    group: str | None = None  # the name of the runs that belong together


@frozen(kw_only=True)
class SourceOptions:
    """Where the parameter sets come from."""

    specs: tuple[str, ...] = ()  # of -p, as typed
    constants: Mapping[str, str] = field(default_factory=dict)  # --param
    format: str | None = None
    target: Target | None = None  # --params-target
    grid: bool = False
    null: str | None = None
    ignore_extra_columns: bool = False
    shard: Shard | None = None  # whose sets the run has; of `check`: whose checks


@frozen(kw_only=True)
class TargetOptions:
    """Which databases a run works on, and in which order."""

    selected: tuple[Target, ...] = ()
    schemas: tuple[str, ...] = ()  # --schemas: LIKE patterns, resolved when the run begins
    schemas_with: tuple[str, ...] = ()  # --schemas-with: names; `none` leaves extensions out
    sql: str | None = None  # --targets-sql: a query on the only target, whose rows are the targets
    listed_by: Target | None = None  # the target on which `sql` was run
    canaries: tuple[str, ...] = ()  # --order canary:NAME: labels of targets that come first, alone
    replicas: tuple[Target, ...] = ()  # targets that `lag(NAME)` names; nothing is executed on them


@frozen(kw_only=True)
class LimitOptions:
    """How much at once, for how long, how often, and when the run stops. Seconds; None is no limit."""

    concurrency: int | None = 8  # None: found while running
    concurrency_given: bool = True
    per_target: int | None = None  # lanes on one target at most
    ordered: bool = False  # --ordered: one lane on each target
    connect_timeout_s: float | None = 10.0  # for the first connection to a target
    timeout_s: float | None = 30.0
    timeout_given: bool = False  # the option outranks `@timeout`
    lock_timeout_s: float | None = 2.0
    lock_timeout_given: bool = False
    deadline_s: float | None = None
    retries: int = 5
    retries_given: bool = False
    outage_s: float = 300.0
    batch: int | None = None  # None: the controller decides
    batch_given: bool = False  # the option outranks `@batch`
    batch_form: str = "auto"  # of reads: set, pipeline, or what is measured to be faster
    fail_fast: bool = False
    max_failures: Threshold | None = None
    max_failed_targets: int | None = None
    throttle: tuple[str, ...] = ()  # --throttle: the expressions, as typed
    target_throttles: bool = True  # those of the targets hold; False: --throttle none, confirmed for each of them
    throttle_every_s: float | None = None  # between two readings; None: the usual time
    throttle_timeout_s: float | None = None  # of a wait for throttles
    critical: tuple[str, ...] = ()  # --critical: expressions that end the run, or hold it
    on_critical: str = "stop"
    window: tuple[str, ...] = ()  # --window, as typed
    nice: float | Literal["auto"] | None = (
        None  # pause of a lane, as a multiple of the time that its batch took; None: not given
    )
    max_rate: str | None = None  # as typed
    executor: ExecutorChoice | None = None  # None: batches are executed in this process


@frozen(kw_only=True)
class SafetyOptions:
    """What the run may change, and how it keeps track of what it has changed."""

    write: bool = False
    allow: frozenset[str] = frozenset()
    confirmed: tuple[str, ...] = ()  # --confirm
    ledger: str = "auto"  # --ledger; "none" records nothing
    idempotent: bool = False  # --idempotent: repeats are harmless, no markers
    marker_table: str | None = None  # --marker-table [SCHEMA.]PREFIX
    keep_markers: bool = False
    retry_unknown: bool = False  # --on-unknown retry
    expect_rows: int | None = None
    max_affected: int | None = None

    @property
    def recorded(self) -> bool:
        """Whether the run is recorded in a ledger."""
        return self.ledger != "none"


@frozen(kw_only=True)
class OutputOptions:
    """What becomes of rows and failures."""

    path: str | None = None  # -o, may hold {query} and {target}; "-" is stdout
    format: str | None = None
    include: tuple[str, ...] = ()
    unordered: bool = False
    map: str | None = None  # MODULE:FUNCTION
    map_timeout_s: float | None = None
    map_timeout_given: bool = False  # else it is that of the query
    failures: str | None = None
    sections: bool = False  # a table shows each query below a heading of its own
    reports: tuple[str, ...] = ()  # the files of --report, which no output may be


MOST_CAPTURED = 10 * 10**9
"""Bytes of the images of a run, unless `--capture-max` says it."""


@frozen(kw_only=True)
class BackfillOptions:
    """What a backfill changes, and in which ranges. Its statement is the only query of the run.

    Attributes:
        over: the table, as typed.
        key: names of the key's columns; () for the primary key or the narrowest unique index.
        assignments: of `--set`, as typed.
        delete: its rows are deleted.
        where: a condition for its rows, as typed.
        verify: a query whose result is 0 or no row when nothing is left; None for the count of `where`.
        target_time_s: seconds that the transaction of a range is to take.
        min_rows: of a range, at least.
        max_rows: of a range, at most.
        first_rows: of the first ranges, between the two; of `@batch`.
        upper: `fixed` at the beginning, or `open`: rows that are inserted meanwhile are done too.
        tables: on each target, the name and the key of the table that `over` was at the start; () before.
        identities: what tells these tables from others of their names, and what orders their keys.
        acting: of each of these tables, a JSON array of `TableFacts.acting` at the start.
        traces: of each of these tables, a JSON object of `TableFacts.traces` at the start.
        count: how the rows are counted for the progress: `exact`, `estimate` or `none`.
        select: a query that reads a range, whose rows go through `map`. The query of the run takes what it gives.
        map: `MODULE:FUNCTION`.
        map_timeout_s: seconds for the rows of a range; None for those of the query.
        lock: rows are locked before they are compared with what was read.
        capture: what the rows were is kept.
        capture_table: where, as typed; None for a table beside the markers.
        capture_max: bytes that this may take; None for no limit.
        undo_of: the run whose rows get their old values back; "" if it is no undo.
        images: of an undo: by place of the target, the tables of images.
    """

    over: str
    key: tuple[str, ...] = ()
    assignments: tuple[str, ...] = ()
    delete: bool = False
    where: str | None = None
    verify: str | None = None
    target_time_s: float = 0.5
    min_rows: int = 10
    max_rows: int = 100_000
    first_rows: int = 1_000
    upper: str = "fixed"
    count: str = "estimate"
    tables: tuple[str, ...] = ()
    identities: tuple[str, ...] = ()
    acting: tuple[str, ...] = ()
    traces: tuple[str, ...] = ()
    select: str | None = None
    map: str | None = None
    map_timeout_s: float | None = None
    lock: bool = True
    capture: bool = False
    capture_table: str | None = None
    capture_max: int | None = MOST_CAPTURED
    undo_of: str = ""
    images: tuple[str, ...] = ()

    @property
    def generated(self) -> bool:
        """Whether the statement is made from the options."""
        return self.delete or bool(self.assignments)


@frozen(kw_only=True)
class Run:
    """A parsed request: what to run, from which parameter sets, on which targets, within which limits, how safely, and where to."""

    queries: QueryOptions = field(default_factory=QueryOptions)
    sources: SourceOptions = field(default_factory=SourceOptions)
    targets: TargetOptions = field(default_factory=TargetOptions)
    limits: LimitOptions = field(default_factory=LimitOptions)
    safety: SafetyOptions = field(default_factory=SafetyOptions)
    output: OutputOptions = field(default_factory=OutputOptions)
    backfill: BackfillOptions | None = None
    maintenance: MaintenanceOptions | None = None

    @property
    def continues(self) -> bool:
        """Whether a retry is the same run, which also does what has failed."""
        return self.backfill is not None or self.maintenance is not None

    @property
    def answers(self) -> bool:
        """Whether the result of a set is wanted, so that one which is lost is told."""
        return self.backfill is None and (self.output.path is not None or self.output.format is not None)

    @property
    def url(self) -> str:
        """The URL of the first target, whose dialect all queries have."""
        return self.targets.selected[0].url

    @property
    def throttles(self) -> tuple[str, ...]:
        """The expressions that hold its lanes, of `--throttle` and of the targets, each once."""
        own = [text for target in self.targets.selected for text in target.throttle]
        return tuple(dict.fromkeys((*self.limits.throttle, *(own if self.limits.target_throttles else ()))))

    def on(self, targets: tuple[Target, ...]) -> Run:
        """The same run on other targets."""
        return replace(self, targets=replace(self.targets, selected=targets))


SECTIONS = {
    "queries": QueryOptions,
    "sources": SourceOptions,
    "targets": TargetOptions,
    "limits": LimitOptions,
    "safety": SafetyOptions,
    "output": OutputOptions,
}
"""The sections of a `Run`, of its recorded form, and of the options of `bulkq run --help`."""

_RENAMED = {
    "queries": ("queries", "selected"),
    "params": ("sources", "specs"),
    "params_format": ("sources", "format"),
    "params_target": ("sources", "target"),
    "targets": ("targets", "selected"),
    "targets_sql": ("targets", "sql"),
    "targets_from": ("targets", "listed_by"),
    "output": ("output", "path"),
}

FLAT = {one.name: (section, one.name) for section, kind in SECTIONS.items() for one in fields(kind)} | _RENAMED
"""By name: section and field. No two sections have a field of one name, but for those that have a longer name here."""


def set_fields(run: Run, values: Mapping[str, object]) -> Run:
    """`run` with other values of some fields, by their names in `FLAT`."""
    sections: dict[str, dict[str, object]] = {}
    for name, value in values.items():
        section, own = FLAT[name]
        sections.setdefault(section, {})[own] = value
    changes: dict[str, Any] = {section: replace(getattr(run, section), **own) for section, own in sections.items()}
    return replace(run, **changes)


def make_run(**values: object) -> Run:
    """A run from the values of some fields, by their names in `FLAT`."""
    return set_fields(Run(), values)
