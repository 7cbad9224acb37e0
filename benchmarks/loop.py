"""A plain loop over the standard library's sqlite3. The peer of P4.

python -m benchmarks.loop FILE.db IDS.csv OUT.csv
"""

from __future__ import annotations

import csv
import sqlite3
import sys
from pathlib import Path

SQL = "select id, name from items where id = ?"


def main(database: str, ids: str, output: str) -> None:
    """Look every id up, one after the other."""
    connection = sqlite3.connect(f"{Path(database).as_uri()}?mode=ro", uri=True)
    with Path(ids).open(newline="") as source, Path(output).open("w", newline="") as target:
        reader = csv.reader(source)
        next(reader)
        writer = csv.writer(target)
        writer.writerow(["id", "name"])
        for row in reader:
            writer.writerows(connection.execute(SQL, (int(row[0]),)))
    connection.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
