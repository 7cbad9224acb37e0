"""Steer a running run: pause it, end it, change its settings, and take changes back when their time is over.

What only a request needs is imported with the first one, because most runs get none.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from bulkq.errors import RefusedError, UsageError
from bulkq.model.frozen_dataclass import mutable
from bulkq.model.run_event import EventKind
from bulkq.model.run_status import RunChange, status_object
from bulkq.text.durations import duration_text, exact_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bulkq.engine.auto_lanes import AutoLanes
    from bulkq.engine.live_settings import LiveSettings
    from bulkq.engine.run_context import RunContext
    from bulkq.engine.target_lanes import LaneGroup
    from bulkq.policy.changeable_settings import RunSetting

PAUSED = "pause"
"""The key under which the end of a pause stands among what is taken back."""


@mutable
class TimedChange:
    """A change that is taken back.

    Attributes:
        due_s: when, on the monotonic clock.
        text: the value that is restored; "" for a pause.
        restore: restores it; None for a pause.
    """

    due_s: float
    text: str
    restore: Callable[[], None] | None = None


class LiveRun:
    """Implements `bulkq.control.steerable.Steerable` for one run.

    Args:
        context: of the run.
        targets: the lanes of each target.
        auto: decides the number of lanes, or leaves it as it is.
    """

    def __init__(self, context: RunContext, targets: Sequence[LaneGroup], auto: AutoLanes) -> None:
        self._context = context
        self._targets = targets
        self._auto = auto
        self._timed: dict[str, TimedChange] = {}
        self.over = False
        """Whether all batches have ended."""

    @cached_property
    def _settings(self) -> LiveSettings:
        from bulkq.engine.live_settings import LiveSettings

        return LiveSettings(self._context, self._targets, self._auto)

    def _parse(self, words: Sequence[str]) -> tuple[RunSetting, ...]:
        from bulkq.policy.changeable_settings import parse_settings

        return parse_settings(words, backfill=self._settings.backfill)

    def refuse_pause(self, why: str) -> None:
        """Refuse every pause, with the reason `why`."""
        self._context.pause.refusal = why

    def status(self) -> Mapping[str, object]:
        """Return the JSON form of the status."""
        from bulkq.policy.read_status import read_status

        return status_object(read_status(self._context.progress, time.monotonic(), _now()))

    def why(self) -> Sequence[str]:
        """Return the reasons why the run is not faster, the one that counts most first."""
        from bulkq.engine.bottlenecks import reasons

        if self.over:
            return ["every batch has ended: the run is being finished"]
        return reasons(self._context, self._targets, self._auto)

    def settings(self, key: str) -> Mapping[str, str]:
        """Return the values of all settings by key; with a `key` that one.

        Raises:
            UsageError: there is no such setting.
        """
        from bulkq.policy.changeable_settings import check_key

        found = self._settings.read()
        if not key:
            return found
        check_key(key, backfill=self._settings.backfill)
        if key not in found:
            raise UsageError(f"{key}: the run has no such throttle: it has {', '.join(found)}")
        return {key: found[key]}

    def pause(self, by: str, for_s: float | None) -> str:
        """Start no further batch until `resume`.

        Raises:
            UsageError: the run ends already.
            RefusedError: it would hold a transaction open.
        """
        self._refuse_ended()
        pause = self._context.pause
        if pause.refusal:
            raise RefusedError(f"pause: {pause.refusal}")
        self._take_back_later(PAUSED, "", for_s)
        pause.begin(by)
        self._note(EventKind.PAUSE, f"paused{_for(for_s)}", by, {"for_s": for_s})
        running = self._context.progress.in_flight
        return f"paused{_for(for_s)}" + (f": {running} sets that are running end first" if running else "")

    def resume(self, by: str) -> str:
        """End a pause.

        Raises:
            UsageError: the run is not paused.
        """
        self._refuse_ended()
        if not self._context.pause.on:
            raise UsageError("resume: the run is not paused")
        return self._continue(by, "")

    def drain(self, by: str) -> str:
        """Start no further batch, and end the run when the running ones have ended.

        Raises:
            UsageError: the run ends already.
        """
        self._refuse_ended()
        self._note(EventKind.STOP, "drained", by, {"cancel": False})
        self._context.control.drain(f"drained by {by}")
        return "stopping: no new batch is started, running queries end first"

    def stop(self, by: str) -> str:
        """Cancel the running statements, and end the run. A run that drains already is stopped too.

        Raises:
            UsageError: all its batches have ended, or it is stopped already.
        """
        if self.over or self._context.control.cancelled:
            self._refuse_ended()
        self._note(EventKind.STOP, "stopped", by, {"cancel": True})
        self._context.control.cancel(f"stopped by {by}")
        return "stopping: the running queries are cancelled"

    def change(self, settings: Sequence[str], by: str, for_s: float | None) -> str:
        """Change settings, all of them or none.

        Raises:
            UsageError, RefusedError: one is not valid for this run.
        """
        self._refuse_ended()
        wanted = self._parse(settings)
        self._settings.check(wanted)
        before = self._settings.read()
        in_turn = sorted(wanted, key=lambda setting: setting.key != "min-rows")  # which bounds max-rows
        lines = [self._make(setting, before[setting.key], by, for_s) for setting in in_turn]
        return ", ".join(lines) + _for(for_s)

    def tick(self, now_s: float) -> None:
        """Take back what is due. A timer does this."""
        if not self._timed:
            return
        for key in [key for key, timed in self._timed.items() if now_s >= timed.due_s]:
            timed = self._timed.pop(key)
            if timed.restore is None:
                self._continue("", ", its time is over")
                continue
            before = self._settings.read()[key]
            timed.restore()
            self._note_change(key, before, timed.text, "", ", its time is over")

    def _make(self, setting: RunSetting, before: str, by: str, for_s: float | None) -> str:
        restore = None if for_s is None else self._settings.restoring(setting.key)
        self._take_back_later(setting.key, before, for_s, restore)
        self._settings.make(setting)
        return self._note_change(setting.key, before, self._settings.read()[setting.key], by, _for(for_s))

    def _take_back_later(
        self, key: str, before: str, for_s: float | None, restore: Callable[[], None] | None = None
    ) -> None:
        """Note that a change ends after `for_s`. What is restored is the value before the first of several timed changes."""
        earlier = self._timed.pop(key, None)
        if for_s is not None:
            change = TimedChange(time.monotonic() + for_s, before, restore)
            self._timed[key] = change if earlier is None else replace(earlier, due_s=change.due_s)

    def _continue(self, by: str, why: str) -> str:
        self._timed.pop(PAUSED, None)
        lasted_s = self._context.pause.end()
        text = f"continued after {duration_text(lasted_s)}{why}"
        self._note(EventKind.CONTINUE, text, by, {"paused_s": round(lasted_s, 3)})
        return text

    def _note_change(self, key: str, before: str, after: str, by: str, rest: str) -> str:
        text = f"{key} {before} -> {after}"
        self._note(EventKind.CHANGE, f"{text}{rest}", by, {"key": key, "from": before, "to": after})
        return text

    def _note(self, kind: EventKind, text: str, by: str, data: Mapping[str, object]) -> None:
        """Put an event into the ledger, the status and the notices."""
        context = self._context
        context.ledger.record_event(kind, text, by=by, data=data)
        context.progress.changes.append(RunChange(at=_now(), by=by, text=text))
        del context.progress.changes[:-MOST_CHANGES]
        context.say(f"{text} (by {by})" if by else text)

    def _refuse_ended(self) -> None:
        control = self._context.control
        if self.over:
            raise UsageError("every batch has ended: the run is being finished")
        if control.draining:
            raise UsageError(f"the run is stopping already: {control.reason or 'its output was closed'}")


MOST_CHANGES = 20
"""Changes that the status of a run keeps."""


def _for(for_s: float | None) -> str:
    return "" if for_s is None else f" for {exact_duration(for_s)}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
