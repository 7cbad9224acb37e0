"""A plain loop over a sync DB-API driver: connect, look every id up one after the other, write CSV. The peer of P12.

python -m benchmarks.dbapi_loop duckdb FILE.duckdb IDS.csv OUT.csv
python -m benchmarks.dbapi_loop mariadb PORT/DATABASE IDS.csv OUT.csv
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

SQL = "select id, name from items where id = {}"


def connected(kind: str, place: str) -> tuple[Any, str]:
    """A cursor, and the driver's mark of a parameter."""
    if kind == "duckdb":
        import duckdb

        return duckdb.connect(place, read_only=True), "?"
    import pymysql

    port, _, database = place.partition("/")
    return pymysql.connect(host="127.0.0.1", port=int(port), user="root", database=database).cursor(), "%s"


def main(kind: str, place: str, ids: str, output: str) -> None:
    """Look every id up."""
    cursor, mark = connected(kind, place)
    sql = SQL.format(mark)
    with Path(ids).open(newline="") as source, Path(output).open("w", newline="") as target:
        reader = csv.reader(source)
        next(reader)
        writer = csv.writer(target)
        writer.writerow(["id", "name"])
        for row in reader:
            cursor.execute(sql, (int(row[0]),))
            writer.writerows(cursor.fetchall())


if __name__ == "__main__":
    main(*sys.argv[1:])
