"""P7: PostgreSQL to Parquet against ConnectorX."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from benchmarks.bench import ITEMS, Bench, program
from benchmarks.result import OURS, Broken, Cost, Result, Skipped, faster, timed
from tests.support.servers import passwords
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from pathlib import Path

SQL = "select id, name, amount, at, ok from typed"
TYPES = {"id": "int64", "name": "string", "amount": "decimal128(20, 4)", "at": "timestamp[us, tz=UTC]", "ok": "bool"}
"""What an exact file has. ConnectorX writes every numeric as decimal128(38, 10)."""

TABLE = (
    "CREATE TABLE typed (id bigint PRIMARY KEY, name text, amount numeric(20, 4), at timestamptz, ok bool)",
    (
        "INSERT INTO typed SELECT i, 'item ' || i, i / 7.0, timestamptz '2020-01-01 00:00Z' + i * interval '1 s', i % 3 = 0 "
        f"FROM generate_series(1, {ITEMS}) i"
    ),
    "VACUUM (FREEZE, ANALYZE) typed",
)
DESCRIBE = """\
import sys, pyarrow.parquet as pq
file = pq.ParquetFile(sys.argv[1])
print(file.metadata.num_rows, {field.name: str(field.type) for field in file.schema_arrow})
"""


def parquet_export(bench: Bench) -> Result:
    """P7: a million rows with five types of column to Parquet, exactly, against ConnectorX by way of Arrow."""
    missing = [name for name in ("pyarrow", "connectorx") if find_spec(name) is None]
    if missing:
        raise Skipped(f"{missing[0]} is not installed: pip install {missing[0]}")
    helped = subprocess.run([*program(), "run", "--help"], capture_output=True, text=True, check=True).stdout
    if "parquet" not in helped:
        raise Skipped("bulkq does not write Parquet yet")
    servers.execute(bench.url, *TABLE)
    count = bench.scaled(ITEMS)

    query = f"{SQL} limit {count}"
    ours, theirs = bench.folder / "bulkq.parquet", bench.folder / "connectorx.parquet"
    command = bench.bulkq("-e", query, "-t", bench.url, "-o", ours)
    peer = [sys.executable, "-m", "benchmarks.connectorx_export", _add_password(bench.url), query, str(theirs)]
    cost = bench.in_turn(
        {OURS: lambda: _timed(bench, command, ours), "connectorx": lambda: _timed(bench, peer, theirs)}
    )
    _verify(ours, count)
    return faster(
        f"{count:,} rows of one query to Parquet, types exact",
        timed(OURS, cost[OURS], count),
        timed("ConnectorX, Arrow (not exact)", cost["connectorx"], count),
        at_least=1.0,
        aim=1.3,
    )


def _add_password(url: str) -> str:
    """The URL with the password of its role: ConnectorX does not read the password file."""
    parts = urlsplit(url)
    password = passwords.of(unquote(parts.username or ""))
    if password is None:
        return url
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{quote(password)}@{place}"))


def _timed(bench: Bench, command: list[str], output: Path) -> Cost:
    output.unlink(missing_ok=True)
    cost = bench.timed(command)
    if not output.exists():
        raise Broken(f"{' '.join(command)} wrote no file")
    return cost


def _verify(path: Path, count: int) -> None:
    """Compare the number of rows and the types. Another process reads the file, so that this one stays small."""
    command = [sys.executable, "-c", DESCRIBE, str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    # A text column may have 64-bit offsets.
    if said.replace("large_string", "string") != f"{count} {TYPES}":
        raise Broken(f"{path.name} has {said}, not {count} {TYPES}")
