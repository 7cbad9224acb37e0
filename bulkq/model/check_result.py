"""The results of data checks."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping


CHECK_MODE = "check"
"""`RunRecord.mode` of data checks, which can be neither resumed nor retried."""


class Verdict(StrEnum):
    """The result of a check. ERROR: the check could not be evaluated. SKIP: the target does not meet its `@requires`."""

    PASS = "pass"  # noqa: S105 - no password
    WARN = "warn"
    FAIL = "fail"
    ERROR = "error"
    SKIP = "skip"


@frozen
class PastCheck:
    """How a check ended in an earlier run, as the ledger keeps it."""

    run: str
    at: str  # ISO 8601, UTC
    verdict: Verdict
    elapsed_s: float
    value: str | None = None
    rows: int | None = None


@frozen(kw_only=True)
class CheckResult:
    """One check on one target for one parameter set, ready for every report: texts are masked where `@mask` says so, not escaped."""

    name: str
    file: str | None
    line: int
    target: str
    verdict: Verdict
    expected: str  # the condition in words, as `@expect` writes it: "empty", "value >= 0.99"
    message: str  # one line: what was found, or why the check could not be evaluated
    value: str | None = None  # what was measured, where the check measures a value
    rows: int | None = None  # how many rows there were, where that is known
    columns: tuple[str, ...] = ()
    sample: tuple[tuple[str | None, ...], ...] = ()  # the first offending rows, as text
    params: Mapping[str, str | None] = field(default_factory=dict)  # secrets masked
    sqlstate: str | None = None
    description: str = ""
    owner: str = ""
    tags: tuple[str, ...] = ()
    began_s: float = 0.0  # since the start of the run
    elapsed_s: float = 0.0
    lane: int = 0
    history: tuple[PastCheck, ...] = ()  # newest first, this run left out
