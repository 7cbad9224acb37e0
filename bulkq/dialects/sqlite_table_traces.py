"""What the schema of a SQLite file keeps of the events after which ranges may not be those of the rows of a table.

Each statement that changes the schema adds 1 to `schema_version`, and so does VACUUM, which may give rows without a key other rowids.
A table that is renamed keeps its root page and its place in `sqlite_master`; one that is made anew gets the last place.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from bulkq.dialects.backfill_catalog import DIGEST, Suspicion
from bulkq.dialects.row_key_catalog import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bulkq.dialects.backfill_catalog import Traces
    from bulkq.dialects.row_key_catalog import Rows
    from bulkq.model.key_range import TableKey

TRACES = """\
SELECT 'version', p.schema_version, 0, '' FROM pragma_schema_version AS p
UNION ALL
SELECT CASE WHEN m.type = 'table' AND m.name = {table} COLLATE NOCASE THEN 'own' ELSE m.type || ' ' || m.name END,
       m.rowid, m.rootpage, coalesce(m.sql, '')
  FROM main.sqlite_master AS m"""


NEEDED = frozenset({"version", "own"})


def read_traces(rows: Rows) -> Traces:
    """The traces in the answer to `TRACES`: place, root page and a digest of the definition of each table, index and trigger."""
    texts = [tuple(map(plain, row)) for row in rows]
    return {
        name: number if name == "version" else f"{number} {root} {_digest(sql)}" for name, number, root, sql in texts
    }


def _digest(sql: str) -> str:
    """The digest of a definition; that of an index that belongs to a constraint is "-", because it comes with its table."""
    return sha256(sql.encode()).hexdigest()[:DIGEST] if sql else "-"


def suspicions(then: Mapping[str, str], now: Mapping[str, str], key: TableKey) -> Iterator[Suspicion]:
    """What may have happened to a table with the `key` between two answers to `TRACES`."""
    if not (then.keys() >= NEEDED and now.keys() >= NEEDED) or then["version"] == now["version"]:
        return
    place, root, _ = then["own"].split()
    for name, text in now.items():
        if name.startswith("table ") and name not in then and text.split()[:2] == [place, root]:
            told = (
                f"it was renamed to {name.removeprefix('table ')}, and another table has its name now: start a new run"
            )
            yield Suspicion(told, "replaced")
            return
    if by_rowid(key) and int(now["version"]) - int(then["version"]) > _changes(then, now):
        told = "VACUUM or a copy of the table may have given its rows other rowids since the run began: start a new run"
        yield Suspicion(told, "rewritten")
    elif _in_front(then, now) != _in_front(now, then) or (_gaps(now) and place != now["own"].split()[0]):
        yield Suspicion("it was dropped and made anew since the run began", "came")


def by_rowid(key: TableKey) -> bool:
    """Whether the key is the number of a row without a name of its own."""
    return len(key.columns) == 1 and key.columns[0].rowid


def _changes(then: Mapping[str, str], now: Mapping[str, str]) -> int:
    """How many tables, indexes and triggers came, went or have another definition."""
    before, found = (
        {name: text.split()[-1] for name, text in traces.items() if name != "version"} for traces in (then, now)
    )
    return sum(before.get(name, "-") != found.get(name, "-") for name in before.keys() | found.keys())


def _in_front(traces: Mapping[str, str], others: Mapping[str, str]) -> set[str]:
    """What stands in front of the table, and is known to `others`, too. VACUUM leaves the order as it is."""
    own = int(traces["own"].split()[0])
    return {name for name in (traces.keys() & others.keys()) - NEEDED if int(traces[name].split()[0]) < own}


def _gaps(traces: Mapping[str, str]) -> bool:
    """Whether places are free, so that no VACUUM has closed the gaps."""
    places = [int(text.split()[0]) for name, text in traces.items() if name != "version"]
    return max(places) > len(places)
