"""What MySQL's and MariaDB's catalog keeps of the events after which ranges may not be those of the rows of a table.

InnoDB numbers its tables and partitions. A number stays through RENAME, EXCHANGE PARTITION and changes in place; ALTER TABLE that copies
the rows, OPTIMIZE and TRUNCATE give another. So if the number that a table had is another table's now, the two were exchanged. A role
without PROCESS does not see numbers. For MariaDB, a table was created when its definition was written last, so RENAME of two tables gives
both one time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects.backfill_catalog import CONTINUE, Suspicion
from bulkq.text.message_parts import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bulkq.dialects.backfill_catalog import Traces
    from bulkq.model.key_range import TableKey

TABLES = """\
SELECT CASE WHEN t.table_name = {table} THEN 'created' ELSE CONCAT('table ', t.table_name) END, UNIX_TIMESTAMP(t.create_time)
  FROM information_schema.tables AS t WHERE t.table_schema = {schema} AND t.table_type = 'BASE TABLE'"""

COLUMN = "column "

COLUMNS = f"""\
SELECT CONCAT('{COLUMN}', c.column_name), c.ordinal_position
  FROM information_schema.columns AS c WHERE c.table_schema = {{schema}} AND c.table_name = {{table}}"""
"""The places of the columns: nothing else shows that two of one type have swapped their names."""

NUMBERS_IN = """\
SELECT CONCAT('{view} ', SUBSTRING(n.name, CHAR_LENGTH({{schema}}) + CHAR_LENGTH({{table}}) + 2)), n.table_id
  FROM information_schema.{view} AS n
 WHERE n.name = CONCAT({{schema}}, '/', {{table}})
    OR LOWER(LEFT(n.name, CHAR_LENGTH({{schema}}) + CHAR_LENGTH({{table}}) + 4)) = LOWER(CONCAT({{schema}}, '/', {{table}}, '#P#'))"""
"""The numbers of a table and of its partitions, as `#P#name`."""

VIEWS = ("innodb_sys_tables", "innodb_tables")
"""Of MariaDB and of MySQL."""

NUMBERS = tuple(NUMBERS_IN.format(view=view) for view in VIEWS)

ELSEWHERE = "SELECT n.name FROM information_schema.{view} AS n WHERE n.table_id = {number}"

MOST_NAMES = 1_000
"""Tables of a schema whose names are recorded."""


def kept(traces: Traces) -> Traces:
    """The traces that are recorded."""
    if len(traces) <= MOST_NAMES:
        return traces
    return {name: text for name, text in traces.items() if name.startswith((*VIEWS, COLUMN))}


def suspicions(then: Mapping[str, str], now: Mapping[str, str], key: TableKey) -> Iterator[Suspicion]:
    """What may have happened to a table with the `key` between two answers to `TABLES`, `COLUMNS` and `NUMBERS`."""
    yield from _swapped(_places(then), _places(now), key)
    numbered = False
    for name, number in then.items():
        view, _, partition = name.partition(" ")
        if view not in VIEWS or name not in now:
            continue
        numbered = True
        if now[name] == number:
            continue
        question = ELSEWHERE.format(view=view, number=number)
        if partition:
            told = f"partition {quoted(partition[3:])} was exchanged for another table since the run began"
            yield Suspicion(told, "came", f"SELECT '' FROM ({question}) AS e")
        else:
            yield Suspicion(
                "it was exchanged for another table, which has its name now: start a new run", "replaced", question
            )
    if not numbered:
        yield from _renamed(then, now)


def _places(traces: Mapping[str, str]) -> dict[str, int]:
    """The place of each column."""
    return {name.removeprefix(COLUMN): int(at) for name, at in traces.items() if name.startswith(COLUMN)}


def _swapped(then: Mapping[str, int], now: Mapping[str, int], key: TableKey) -> Iterator[Suspicion]:
    """A column of the key that stands where another column stood. New columns before it, and dropped ones, move it, too."""
    came, left = now.keys() - then.keys(), then.keys() - now.keys()
    for column in key.columns:
        began, found = then.get(column.name), now.get(column.name)
        if began is None or found is None or began == found:
            continue
        before = {name for name, place in then.items() if place < began and name in now}
        after = {name for name, place in now.items() if place < found and name in then}
        if before != after or (came and left):
            told = (
                f"the column {quoted(column.name)} of its key has another place among the columns, perhaps because another column got "
                f"its name: {CONTINUE}"
            )
            yield Suspicion(told, "rewritten")
            return


def _renamed(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Suspicion]:
    """Another table that came at the moment in which the definition of this one was written."""
    written = now.get("created", "")
    if then.get("created", written) == written:
        return
    for name, at in now.items():
        if name.startswith("table ") and at == written and name not in then:
            new = quoted(name.removeprefix("table "))
            told = f"its definition and that of the new table {new} were written at one moment, perhaps by RENAME TABLE: {CONTINUE}"
            yield Suspicion(told, "rewritten")
            return
