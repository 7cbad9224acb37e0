"""A query's text in the style of a driver, and offsets of that text back into the file."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen
from bulkq.query.parse_queries import INLINE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bulkq.model import Placeholder, Query

_WIDEST = 160
"""Characters of a source line that `point_at` shows."""


@frozen
class RenderedText:
    """A text for a driver, made of pieces that start at `starts` in `text` and came from `sources` in `Query.sql`."""

    text: str
    starts: tuple[int, ...]
    sources: tuple[int, ...]
    whole: tuple[bool, ...]  # pieces that stand for one place, a placeholder or a doubled sign

    def offset(self, position: int) -> int:
        """The offset in `Query.sql` of `position` in `text`, both 0-based; inside a placeholder, where that starts."""
        inside = max(0, min(position, len(self.text)))
        piece = max(0, bisect_right(self.starts, inside) - 1)
        return self.sources[piece] + (0 if self.whole[piece] else inside - self.starts[piece])


def render(query: Query, write: Callable[[Placeholder], str], *, doubled_percent: bool = False) -> RenderedText:
    """The SQL of `query` with `write(placeholder)` in place of each placeholder, and escaped colons bare.

    Args:
        query: the query.
        write: called once for each placeholder, in the order of the text.
        doubled_percent: write `%%` for `%`, for drivers with `%s` or `%(name)s`. What `write` returns stays as it is.
    """
    texts: list[str] = []
    starts: list[int] = []
    sources: list[int] = []
    whole: list[bool] = []
    length = 0
    for source, text, one in _pieces(query, write, doubled_percent=doubled_percent):
        texts.append(text)
        starts.append(length)
        sources.append(source)
        whole.append(one)
        length += len(text)
    return RenderedText("".join(texts), tuple(starts), tuple(sources), tuple(whole))


def _pieces(
    query: Query, write: Callable[[Placeholder], str], *, doubled_percent: bool
) -> Iterator[tuple[int, str, bool]]:
    """Each piece as its offset in the source, its text, and whether it stands for one place."""
    cuts = [(p.start, p.end, write(p)) for p in query.placeholders]
    cuts += [(at, at + 1, "") for at in query.escapes]
    at = 0
    for start, end, text in sorted(cuts):
        yield from _gap(query.sql, at, start, doubled_percent=doubled_percent)
        yield start, text, True
        at = end
    yield from _gap(query.sql, at, len(query.sql), doubled_percent=doubled_percent)


def _gap(sql: str, at: int, end: int, *, doubled_percent: bool) -> Iterator[tuple[int, str, bool]]:
    percent = sql.find("%", at, end) if doubled_percent else -1
    while percent >= 0:
        yield at, sql[at:percent], False
        yield percent, "%%", True
        at = percent + 1
        percent = sql.find("%", at, end)
    yield at, sql[at:end], False


def locate(query: Query, offset: int) -> str:
    """`users.sql:12`, the file and line of an `offset` in `Query.sql`; `-e:1` for inline SQL."""
    return f"{query.file or INLINE}:{query.line + query.sql.count(chr(10), 0, max(0, offset))}"


def point_at(query: Query, offset: int) -> str:
    """The source line of an `offset` in `Query.sql` and, below it, a caret under the place; two lines for people."""
    at = max(0, min(offset, len(query.sql)))
    start = query.sql.rfind("\n", 0, at) + 1
    end = query.sql.find("\n", at)
    line = query.sql[start : len(query.sql) if end < 0 else end].rstrip()
    column = min(at - start, len(line))
    first = max(0, column - _WIDEST // 2)
    shown = "".join(c if c.isprintable() else " " for c in line[first : first + _WIDEST])
    return f"{shown}\n{' ' * (column - first)}^"
