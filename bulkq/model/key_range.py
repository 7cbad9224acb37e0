"""Ranges of a table's key: how a table is cut into pieces that are changed one by one.

All values are text that the database converts, because the database orders and compares keys and Python never does.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

Position = tuple[str, ...]
"""The texts of the leading key columns: behind every row that begins with these values. `()` is in front of all rows."""

MOST_COLUMNS = 8
"""Columns of a key at most: the table of ranges has so many for each end."""


@frozen
class KeyColumn:
    """A column of a key.

    Attributes:
        name: as the catalog has it.
        type: as the server takes it in a cast, without a length.
        collation: of text, as the server takes it in COLLATE; "" for the column's own.
        aliases: other names by which a statement may change it.
        rowid: it is the number of a row, which the database may change.
    """

    name: str
    type: str
    collation: str = ""
    aliases: tuple[str, ...] = field(default=(), compare=False)
    rowid: bool = field(default=False, compare=False)


@frozen
class TableKey:
    """The columns by which a table is cut into ranges: unique, never NULL, ascending.

    Attributes:
        table: its name, quoted and with its schema where there are schemas.
        columns: in the order of the index, 1 to `MOST_COLUMNS`.
        index: its name, for people; "" if it has none.
    """

    table: str
    columns: tuple[KeyColumn, ...]
    index: str = ""

    @property
    def told(self) -> str:
        """The table and the columns of the key, for people and for comparisons."""
        return f"{self.table} ({', '.join(column.name for column in self.columns)})"


@frozen
class TableFacts:
    """What the catalog says about a table that is to be changed.

    Attributes:
        key: by which it is cut.
        columns: every column's type, by name.
        rows: about how many it has; None if that is not known.
        size: bytes with indexes; None if that is not known.
        notices: what a user should know before: triggers, rules, foreign keys, partitions, replicas; a line each.
        identity: what tells it from another table of its name; "" if that is not known.
        acting: triggers, rules and foreign keys that act when its rows change: kind, name, and a digest of the definition.
        order: what orders the values of the key: types, collations and their versions.
        traces: what differs after rows have left the table, come back or got other keys.
        generated: columns that take no value, where the database finds an assignment only when it is executed.
    """

    key: TableKey
    columns: Mapping[str, str] = field(default_factory=dict)
    rows: int | None = None
    size: int | None = None
    notices: tuple[str, ...] = ()
    identity: str = ""
    acting: tuple[str, ...] = ()
    order: str = ""
    traces: Mapping[str, str] = field(default_factory=dict, compare=False)
    generated: tuple[str, ...] = ()

    @property
    def triggers(self) -> tuple[str, ...]:
        """Triggers and rules that act when its rows change, for people."""
        named = (one.rpartition(" ")[0].partition(" ") for one in self.acting if one.startswith(("trigger ", "rule ")))
        return tuple(f'{kind} "{name}"' for kind, _, name in named)


@frozen
class RangeForm:
    """The shape of a range's condition: `a = :bulkq_1 AND b > :bulkq_lo AND b <= :bulkq_hi` has level 1.

    Attributes:
        level: leading columns that are equal in the whole range.
        lower: the next column has a lower bound.
        upper: it has an upper bound.
    """

    level: int
    lower: bool
    upper: bool


@frozen
class KeyRange:
    """The rows behind `after`, up to and with all that begin with `upto`.

    Ranges are made so that their condition needs no comparison of several columns at once: either `upto` has as many columns as `after`
    and differs in the last one alone, or `after` ends before it, or `upto` is `after` without its last column (the rest of a group).

    Attributes:
        after: where the range before it ends.
        upto: where it ends.
        rows: that were seen in it when it was cut; 0 if they were not counted.
    """

    after: Position
    upto: Position
    rows: int = 0

    @property
    def form(self) -> RangeForm:
        """The shape of its condition."""
        if self._is_rest:
            return RangeForm(len(self.upto), lower=True, upper=False)
        level = len(self.upto) - 1
        return RangeForm(level, lower=self.after[:level] == self.upto[:level] and len(self.after) > level, upper=True)

    @property
    def values(self) -> Mapping[str, str]:
        """The values of its condition, by the names of the placeholders."""
        form = self.form
        column = form.level
        equal = {f"bulkq_{place}": text for place, text in enumerate(self.upto[:column], 1)}
        lower = {"bulkq_lo": self.after[column]} if form.lower else {}
        upper = {"bulkq_hi": self.upto[column]} if form.upper else {}
        return equal | lower | upper

    @property
    def _is_rest(self) -> bool:
        """Whether it is the rest of the group that `after` is in."""
        return len(self.after) == len(self.upto) + 1 and self.after[:-1] == self.upto
