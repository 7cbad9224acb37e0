"""Queries in a driver's style, and offsets back to the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.query import inline, load, locate, point_at, render

if TYPE_CHECKING:
    from bulkq.model import Placeholder


def mark(place: Placeholder) -> str:
    """A placeholder of a length of its own."""
    return "$" + "1" * len(place.name)


def test_render_replaces_and_unescapes() -> None:
    """Placeholders by what the driver writes, escaped colons without backslash, the rest as it is."""
    query = inline("select :a::int, '100%', x\\:\\:int where id not in ( :bb* )")
    assert render(query, mark).text == "select $1::int, '100%', x::int where id $11"


def test_percent_signs_are_doubled_outside_placeholders() -> None:
    """For drivers with `%s`; what the driver writes itself stays."""
    query = inline("select :a % 2, '100%%' where 5 in ( /* 7% */ :b* )")
    assert render(query, lambda _: "%s", doubled_percent=True).text == "select %s %% 2, '100%%%%' where 5 %s"


def test_every_offset_maps_back() -> None:
    """Each character outside placeholders maps to itself, each inside to where its placeholder starts."""
    query = inline("select :a, '5%' % \\:b where c in (:d*) and e = :ffff")
    rendered = render(query, mark, doubled_percent=True)
    starts = {p.start for p in query.placeholders}
    for position, char in enumerate(rendered.text):
        source = rendered.offset(position)
        assert query.sql[source] == char or source in starts
    assert rendered.offset(len(rendered.text)) == len(query.sql)
    assert rendered.offset(-5) == 0
    assert rendered.offset(10_000) == len(query.sql)


def test_placeholder_at_the_start_and_nothing_else() -> None:
    """Edges: a text that is one placeholder, and one without any."""
    assert render(inline(":a"), mark).offset(1) == 0
    assert render(inline("select 1"), mark).text == "select 1"


def test_locate() -> None:
    """The line in the file; several lines down, too; inline SQL is `-e`."""
    (query,) = load("-- name: a\n-- b\nselect 1,\n  oops", "users.sql")
    assert locate(query, 0) == "users.sql:3"
    assert locate(query, query.sql.index("oops")) == "users.sql:4"
    assert locate(query, -1) == "users.sql:3"
    assert locate(inline("\nselect 1"), 3) == "-e:2"


def test_caret() -> None:
    """The line as written, the caret below the place, tabs as one blank."""
    query = inline("select 1,\n\toops,\r\n  x")
    assert point_at(query, query.sql.index("oops")) == " oops,\n ^"
    assert point_at(query, 0) == "select 1,\n^"
    assert point_at(query, 999) == "  x\n   ^"


def test_caret_of_a_long_line_shows_its_surroundings() -> None:
    """A line longer than the window is cut around the place."""
    query = inline("select " + "x, " * 200 + "oops" + ", y" * 200)
    line, below = point_at(query, query.sql.index("oops")).split("\n")
    assert len(line) == 160
    assert line[below.index("^") :].startswith("oops")
