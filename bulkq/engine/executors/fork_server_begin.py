"""Imported in the fork server, before all else: that is the one way to have something executed there."""

from __future__ import annotations

from bulkq.engine.executors.parent_end import end_with_parent

end_with_parent()
