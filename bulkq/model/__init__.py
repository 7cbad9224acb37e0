"""The values that pass between rooms: frozen dataclasses without behaviour of their own.

Their defaults, limits and states stand with them; what decides is in `bulkq.policy`.

run, target, shard, executor_choice             what a user asks for; `run` has the options by section
query, requirement, check_conditions            a query file
parse_column_type_name, text_or_number, joined_sets    what a type's name means, also for Arrow; forms of values
part_spec, batch, key_range                     what is executed
attempt_plan, attempt_steps, attempt_limits, marker_claim   one attempt
capabilities, server, reply                     what a driver says
batch_result, failure, own_error_states         what came of a batch
counts, run_summary, check_result, maintenance  what came of a run, of checks, of objects (with the reasons for which one is skipped)
run_record, run_event                           what a ledger keeps
run_status, timeline, worker_status, throttle_readings, throttle_wait_total   what is shown while a run works
row, row_images                                 rows of the Python API, and of `--capture` with their states
frozen_dataclass                                how these classes are made
"""

from __future__ import annotations

from bulkq.model.attempt_limits import Limits
from bulkq.model.attempt_plan import AttemptPlan
from bulkq.model.attempt_steps import AttemptStep, AttemptSteps
from bulkq.model.batch import Batch, SourcePosition
from bulkq.model.batch_result import BatchResult
from bulkq.model.capabilities import Capabilities
from bulkq.model.check_result import (
    CHECK_MODE,
    CheckResult,
    PastCheck,
    Verdict,
)
from bulkq.model.executor_choice import ExecutorChoice
from bulkq.model.failure import ANSWER_LOST, STARTED, Failure, Outcome, Phase
from bulkq.model.marker_claim import Claim, MarkerTables
from bulkq.model.part_spec import Claims, PartSpec
from bulkq.model.query import (
    Mode,
    Parameter,
    ParameterSet,
    Placeholder,
    PlaceholderKind,
    Query,
    StatementClass,
)
from bulkq.model.reply import BadValue, Column, Decoding, EncodedReply, Reply, SetError
from bulkq.model.run import Run, Threshold
from bulkq.model.run_record import Mark, RecordedPart, RunRecord, RunState, SinkPosition
from bulkq.model.run_summary import KEPT_FAILURES, QueryCounts, RunSummary, Status, TargetCounts
from bulkq.model.server import Server, Setting
from bulkq.model.target import ALONE, FallbackSchemas, Secret, Target
from bulkq.model.throttle_readings import Reading, Unit
from bulkq.model.throttle_wait_total import ThrottleWait

__all__ = [
    "ALONE",
    "ANSWER_LOST",
    "CHECK_MODE",
    "KEPT_FAILURES",
    "STARTED",
    "AttemptPlan",
    "AttemptStep",
    "AttemptSteps",
    "BadValue",
    "Batch",
    "BatchResult",
    "Capabilities",
    "CheckResult",
    "Claim",
    "Claims",
    "Column",
    "Decoding",
    "EncodedReply",
    "ExecutorChoice",
    "Failure",
    "FallbackSchemas",
    "Limits",
    "Mark",
    "MarkerTables",
    "Mode",
    "Outcome",
    "Parameter",
    "ParameterSet",
    "PartSpec",
    "PastCheck",
    "Phase",
    "Placeholder",
    "PlaceholderKind",
    "Query",
    "QueryCounts",
    "Reading",
    "RecordedPart",
    "Reply",
    "Run",
    "RunRecord",
    "RunState",
    "RunSummary",
    "Secret",
    "Server",
    "SetError",
    "Setting",
    "SinkPosition",
    "SourcePosition",
    "StatementClass",
    "Status",
    "Target",
    "TargetCounts",
    "Threshold",
    "ThrottleWait",
    "Unit",
    "Verdict",
]
