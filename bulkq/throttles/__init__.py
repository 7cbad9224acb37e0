"""Reasons to wait: one module per signal that `--throttle` reads."""

from __future__ import annotations

from bulkq.throttles.any_of import AnyOf
from bulkq.throttles.open import (
    NO_THROTTLE,
    RunThrottles,
    check_throttles,
    check_windows,
    fix_paths,
    open_throttle,
    open_throttles,
)
from bulkq.throttles.throttle_context import ThrottleContext, describe_run

__all__ = [
    "NO_THROTTLE",
    "AnyOf",
    "RunThrottles",
    "ThrottleContext",
    "check_throttles",
    "check_windows",
    "describe_run",
    "fix_paths",
    "open_throttle",
    "open_throttles",
]
