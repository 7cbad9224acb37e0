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
    place, root, digest = then["own"].split()
    own_place, _, own_digest = now["own"].split()
    vacuumed = own_digest == digest and int(own_place) < int(place)  # its place may be another table's now
    for name, text in now.items():
        if not vacuumed and name.startswith("table ") and name not in then and text.split()[:2] == [place, root]:
            told = (
                f"it was renamed to {name.removeprefix('table ')}, and another table has its name now: start a new run"
            )
            yield Suspicion(told, "replaced")
            return
    if by_rowid(key) and _unexplained(then, now, made_anew=False) > 0:
        told = "VACUUM or a copy of the table may have given its rows other rowids since the run began: start a new run"
        yield Suspicion(told, "rewritten")
    elif _in_front(then, now) != _in_front(now, then) or (
        _gaps(now) and place != own_place and _unexplained(then, now, made_anew=True) > 1
    ):
        yield Suspicion("it was dropped and made anew since the run began", "came")


def by_rowid(key: TableKey) -> bool:
    """Whether the key is the number of a row without a name of its own."""
    return len(key.columns) == 1 and key.columns[0].rowid


def _unexplained(then: Mapping[str, str], now: Mapping[str, str], *, made_anew: bool) -> int:
    """How many changes of the schema its differences need not have: VACUUM is one, DROP and CREATE of one table are two.

    DROP TABLE takes indexes and triggers along, and RENAME changes several definitions.

    Args:
        then: the traces before.
        now: the traces after.
        made_anew: what was done to the table itself, its indexes and its triggers explains nothing.
    """
    before, found = ({name: text for name, text in traces.items() if name != "version"} for traces in (then, now))
    came = [name for name in found.keys() - before.keys() if not found[name].endswith(" -")]
    places = {found[name].split()[0] for name in came}
    gone = [name for name in before.keys() - found.keys() if not before[name].endswith(" -")]
    gone = [name for name in gone if before[name].split()[0] not in places]
    other = [name for name in before.keys() & found.keys() if before[name].split()[-1] != found[name].split()[-1]]
    if made_anew:
        other = [name for name in other if name != "own"]
    dropped = [name for name in gone if name.startswith("table ")]
    altered = [name for name in other if name == "own" or name.startswith("table ")]
    lost = dropped or ([] if made_anew else gone)
    return int(now["version"]) - int(then["version"]) - len(came) - len(lost) - len(altered or other)


def _in_front(traces: Mapping[str, str], others: Mapping[str, str]) -> set[str]:
    """What stands in front of the table, and is known to `others`, too. VACUUM leaves the order as it is."""
    own = int(traces["own"].split()[0])
    return {name for name in (traces.keys() & others.keys()) - NEEDED if int(traces[name].split()[0]) < own}


def _gaps(traces: Mapping[str, str]) -> bool:
    """Whether places are free, so that no VACUUM has closed the gaps."""
    places = [int(text.split()[0]) for name, text in traces.items() if name != "version"]
    return max(places) > len(places)
