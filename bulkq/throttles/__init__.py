"""Reasons to wait: one module per signal that `--throttle` reads."""

from __future__ import annotations

from bulkq.throttles.any_of import AnyOf
from bulkq.throttles.open import check_throttles, fix_paths, open_throttle

__all__ = ["AnyOf", "check_throttles", "fix_paths", "open_throttle"]
