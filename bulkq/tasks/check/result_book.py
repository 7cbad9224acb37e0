"""The results so far of a run of checks, and the place of each check in it."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from bulkq.model.check_conditions import Measure
from bulkq.model.frozen_dataclass import frozen, mutable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from bulkq.model import CheckResult, PastCheck, Query
    from bulkq.model.check_conditions import CheckRules


@frozen
class CheckPlace:
    """One check on one target: where its results stand among the others, and what is known of it before it runs."""

    order: int
    key: str  # file and name, the same in every run
    query: Query
    rules: CheckRules
    target: str
    past: Mapping[str, Sequence[PastCheck]] | None  # by the digest of the parameters; None: there is no ledger
    most_rows: int

    @property
    def compared(self) -> bool:
        """Whether its rows are compared with those of another query."""
        return any(condition.measure is Measure.SAME for condition in self.rules.expect)


@mutable
class Book:
    """The results so far, of all checks of a run.

    Attributes:
        started_s: when the run began, on the monotonic clock.
        today: in UTC.
        results: by place and number of the parameter set, with the digest of the parameters.
    """

    started_s: float
    today: date
    results: dict[tuple[int, int], tuple[CheckResult, str]] = field(default_factory=dict)

    def put(self, place: CheckPlace, n: int, result: CheckResult, digest: str = "") -> None:
        """Keep a result."""
        self.results[place.order, n] = result, digest
