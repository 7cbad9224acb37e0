"""The timeline of a run: rate, size, lanes and throttles over time, with one JSON form. Pure."""

from __future__ import annotations

import json
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bulkq.model.run_status import RunChange

LARGEST_PIECE = 15_000
"""Characters of a piece of a segment that a ledger keeps as one event."""


@frozen
class TimelineSignal:
    """A throttle whose value is in the samples.

    Attributes:
        name: its expression, as typed.
        target: label of the database; None if it holds all targets.
        limit: the lanes wait from this value on; None if there is none.
        unit: of value and limit, as in `Reading`; None if there is none.
    """

    name: str
    target: str | None = None
    limit: float | None = None
    unit: str | None = None


@frozen
class TimelineSample:
    """What happened in a span of time.

    Attributes:
        at_s: begin of the span, in seconds since the begin of its segment.
        span_s: its length in seconds.
        rate: per second, in the unit of the segment.
        size: sets of a batch, or rows of a range; None if no batch ended.
        lanes: lanes that were connected.
        held: share of the span, 0.0 to 1.0, in which no batch could start.
        why: the reason for that; "" if there was none.
        values: of the signals of the segment, in their order; None if a value is not known.
    """

    at_s: float
    span_s: float
    rate: float
    size: int | None = None
    lanes: int = 0
    held: float = 0.0
    why: str = ""
    values: tuple[float | None, ...] = ()


@frozen(kw_only=True)
class TimelineSegment:
    """Consecutive samples of one process.

    Attributes:
        begin: ISO 8601, UTC; the samples count from it.
        unit: `sets` or `rows`, of the rate.
        signals: of the values in the samples.
        samples: in the order of time.
    """

    begin: str
    unit: str = "sets"
    signals: tuple[TimelineSignal, ...] = ()
    samples: tuple[TimelineSample, ...] = ()


@frozen(kw_only=True)
class RunTimeline:
    """The timeline of a run over all its processes.

    Attributes:
        segments: in the order of time.
        changes: that users made, in the order of time.
    """

    segments: tuple[TimelineSegment, ...] = ()
    changes: tuple[RunChange, ...] = field(default=())


def merge_samples(first: TimelineSample, second: TimelineSample) -> TimelineSample:
    """Return one sample for two that follow each other: the mean of rates, the peak of values."""
    span_s = first.span_s + second.span_s
    share = first.span_s / span_s if span_s else 0.5
    return TimelineSample(
        at_s=first.at_s,
        span_s=round(span_s, 3),
        rate=round(first.rate * share + second.rate * (1 - share), 2),
        size=first.size if second.size is None else second.size,
        lanes=max(first.lanes, second.lanes),
        held=round(first.held * share + second.held * (1 - share), 3),
        why=second.why or first.why,
        values=_peaks(first.values, second.values),
    )


def halve_samples(samples: Sequence[TimelineSample]) -> list[TimelineSample]:
    """Return half as many samples, each for two. A last one without a partner stays."""
    pairs = zip(samples[::2], samples[1::2], strict=False)
    return [*(merge_samples(*pair) for pair in pairs), *samples[len(samples) & ~1 :]]


def _peaks(first: tuple[float | None, ...], second: tuple[float | None, ...]) -> tuple[float | None, ...]:
    width = max(len(first), len(second))
    columns = zip(*((*values, *[None] * (width - len(values))) for values in (first, second)), strict=True)
    return tuple(max((value for value in pair if value is not None), default=None) for pair in columns)


def segment_object(segment: TimelineSegment) -> dict[str, object]:
    """Return the JSON form of a segment. A sample is a list, in the order of the fields of `TimelineSample`."""
    return {
        "begin": segment.begin,
        "unit": segment.unit,
        "signals": [[one.name, one.target, one.limit, one.unit] for one in segment.signals],
        "samples": [
            [one.at_s, one.span_s, one.rate, one.size, one.lanes, one.held, one.why, list(one.values)]
            for one in segment.samples
        ],
    }


def segment_pieces(segment: TimelineSegment, most: int = LARGEST_PIECE) -> Iterator[dict[str, object]]:
    """Yield the JSON form of a segment in pieces of at most `most` characters. A piece of one sample may be larger."""
    found = segment_object(segment)
    if len(segment.samples) <= 1 or len(json.dumps(found)) <= most:
        if segment.samples:
            yield found
        return
    middle = len(segment.samples) // 2
    for samples in (segment.samples[:middle], segment.samples[middle:]):
        yield from segment_pieces(replace(segment, samples=samples), most)


def parse_segment(values: Mapping[str, Any]) -> TimelineSegment:
    """Return the segment of its JSON form.

    Raises:
        KeyError, TypeError, ValueError: `values` is not the JSON form of a segment.
    """
    return TimelineSegment(
        begin=str(values["begin"]),
        unit=str(values["unit"]),
        signals=tuple(TimelineSignal(*one) for one in values["signals"]),
        samples=tuple(_sample(*one) for one in values["samples"]),
    )


def _sample(
    at_s: float, span_s: float, rate: float, size: int | None, lanes: int, held: float, why: str, values: list[Any]
) -> TimelineSample:
    return TimelineSample(at_s, span_s, rate, size, lanes, held, why, tuple(values))
