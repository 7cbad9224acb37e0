"""Tables for people: cells padded to the width of their column. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


def align(rows: Sequence[Sequence[str]], *, right: Collection[int] = (), widest: int | None = None) -> list[str]:
    """The lines of a table, two blanks between columns, no blanks at the end of a line.

    Args:
        rows: of equal length; the header is a row like the others.
        right: indexes of the columns that are aligned to the right, such as numbers.
        widest: a column is not padded beyond so many characters; None for no limit.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if widest is not None:
        widths = [min(width, widest) for width in widths]
    return ["  ".join(_cell(row[i], width, i in right) for i, width in enumerate(widths)).rstrip() for row in rows]


def align_named(rows: Sequence[Mapping[str, str]], columns: Sequence[str], numbers: Collection[str] = ()) -> list[str]:
    """See `align`: the `columns` of `rows` below a header of their names; `numbers` are aligned to the right."""
    cells = [list(columns), *([row[name] for name in columns] for row in rows)]
    return align(cells, right=[i for i, name in enumerate(columns) if name in numbers])


def _cell(text: str, width: int, right: bool) -> str:
    return text.rjust(width) if right else text.ljust(width)
