"""The text format of Prometheus, read again by the parser of its client library."""

from __future__ import annotations

import pytest

from bulkq.text.prometheus import format_exposition


def test_a_parser_reads_what_was_written() -> None:
    """Names, types, labels and values are the same, also where a label has quotes, backslashes and line breaks."""
    parser = pytest.importorskip("prometheus_client.parser")
    label = 'a "b" \\ c\nd'
    text = format_exposition(
        [
            ("x_total", "counter", "What\nit \\ is.", [({"name": label}, 3), ({}, 1.5)]),
            ("y", "gauge", "Empty.", []),
            ("z", "gauge", "A truth.", [({}, True)]),
        ]
    )
    first, second = parser.text_string_to_metric_families(text)
    assert (first.name, first.type, first.documentation) == ("x", "counter", "What\nit \\ is.")
    assert [(one.labels, one.value) for one in first.samples] == [({"name": label}, 3.0), ({}, 1.5)]
    assert [(one.name, one.value) for one in second.samples] == [("z", 1.0)]


def test_a_family_without_samples_is_left_out() -> None:
    """HELP without samples says nothing."""
    assert format_exposition([("y", "gauge", "Empty.", [])]) == ""
    assert format_exposition([("y", "gauge", "One.", [({}, 2)])]) == "# HELP y One.\n# TYPE y gauge\ny 2\n"
