"""A rehearsal as lines for people."""

from __future__ import annotations

from bulkq.cli.display.rehearsal_text import lines
from bulkq.lifecycle.backfill.rehearse import Rehearsal
from bulkq.policy.rehearsal_forecast import ForecastPace, RehearsedRange, RehearsedWave, forecast
from bulkq.tasks.rehearse import TableRehearsal


def test_rests_that_cannot_be_foreseen_are_named() -> None:
    """The forecast of a run that finds its pace itself says that it is without its rests, and how long they may be."""
    waves = (RehearsedWave((RehearsedRange(1000, 1000, 1.0),)),)
    shown = Rehearsal(
        waves=waves, total=9000, lanes=1, waited_s=None, holders=(), throttled_s=0.0, lasting=(), left_out=()
    )
    seen = forecast(waves, 9000, 1, ForecastPace(auto=True))
    text = "\n".join(lines(TableRehearsal(target="t", table="u", rehearsal=shown, forecast=seen)))
    assert "), without throttled time and the rests of --nice auto\nrests " in text
    assert "--nice auto rests for up to 9 times the work" in text
