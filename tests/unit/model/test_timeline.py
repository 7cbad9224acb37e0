"""Samples of a timeline: merged, and as JSON."""

from __future__ import annotations

import json

import pytest

from bulkq.model.timeline import (
    TimelineSample,
    TimelineSegment,
    TimelineSignal,
    halve_samples,
    merge_samples,
    parse_segment,
    segment_object,
    segment_pieces,
)


def test_json_keeps_everything() -> None:
    """A segment that went through JSON text is equal to the one that was written."""
    segment = TimelineSegment(
        begin="2026-11-22T13:05:10Z",
        unit="rows",
        signals=(TimelineSignal("lag<2s", "db", 2.0, "seconds"), TimelineSignal("file:/run/hold")),
        samples=(
            TimelineSample(0.0, 1.0, 5000.5, 1000, 4, 0.5, "lag 2.1s >= 2s", (2.1, None)),
            TimelineSample(1.0, 1.0, 0.0),
        ),
    )
    assert parse_segment(json.loads(json.dumps(segment_object(segment)))) == segment


def test_two_samples_become_one() -> None:
    """Rates are averaged over the time; of the values the peak remains, so that a limit that was reached is seen."""
    first = TimelineSample(0.0, 1.0, 10.0, 100, 4, 1.0, "lag", (1.0, None))
    second = TimelineSample(1.0, 3.0, 20.0, None, 2, 0.0, "", (0.5, 3.0, None))
    assert merge_samples(first, second) == TimelineSample(0.0, 4.0, 17.5, 100, 4, 0.25, "lag", (1.0, 3.0, None))
    assert merge_samples(TimelineSample(0, 0, 2.0), TimelineSample(0, 0, 4.0)).rate == 3.0


@pytest.mark.parametrize(("many", "left"), [(0, 0), (1, 1), (4, 2), (5, 3)])
def test_halving_loses_no_time(many: int, left: int) -> None:
    """Half as many samples cover the same time; an odd one stays as it is."""
    samples = [TimelineSample(float(n), 1.0, float(n)) for n in range(many)]
    halved = halve_samples(samples)
    assert len(halved) == left
    assert sum(one.span_s for one in halved) == many
    assert sum(one.rate * one.span_s for one in halved) == sum(one.rate for one in samples)


def test_a_long_segment_is_cut_into_pieces() -> None:
    """Each piece fits into an event of the ledger, and together they have every sample once."""
    samples = tuple(TimelineSample(float(n), 1.0, 5000.5, 1000, 4) for n in range(100))
    pieces = list(segment_pieces(TimelineSegment(begin="", samples=samples), 1000))
    assert all(len(json.dumps(piece)) <= 1000 for piece in pieces)
    assert tuple(sample for piece in pieces for sample in parse_segment(piece).samples) == samples
    assert list(segment_pieces(TimelineSegment(begin=""))) == []
    assert len(list(segment_pieces(TimelineSegment(begin="", samples=samples[:1]), 1))) == 1
