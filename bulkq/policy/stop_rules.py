"""When a run stops before its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from bulkq.model import Threshold

HOPELESS = 1_000
"""When this many sets were tried first and every one failed, the rest would fail too."""

PERCENT_NEEDS = 100
"""Sets that must have been tried before a percentage of failures means anything."""


@frozen
class Stop:
    """A decision to stop: why, and whether what is in flight is cancelled on the server."""

    reason: str
    cancel: bool = False


def after_failures(
    *, tried: int, failed: int, limit: Threshold | None, fail_fast: bool, what: str = "a parameter set"
) -> Stop | None:
    """Whether `failed` of `tried` sets are reason enough to stop; None to go on."""
    if fail_fast and failed:
        return Stop(f"{what} failed, and --fail-fast is set", cancel=True)
    if limit is not None and limit.count is not None and failed >= limit.count:
        return Stop(f"{failed} failed, --max-failures {limit.count} reached")
    if (
        limit is not None
        and limit.percent is not None
        and tried >= PERCENT_NEEDS
        and failed * 100 >= limit.percent * tried
    ):
        return Stop(f"{failed} of {tried} failed, --max-failures {limit.percent:g}% reached")
    return None


def is_hopeless(*, tried: int, failed: int) -> Stop | None:
    """Whether so many of one target were tried, and none went well, that the rest would fail too; None to go on."""
    if failed == tried and tried >= HOPELESS:
        return Stop(f"all of the first {tried} parameter sets failed")
    return None
