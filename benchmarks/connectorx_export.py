"""ConnectorX to Arrow to Parquet, the peer of P7: `python -m benchmarks.connectorx_export URL SQL OUT.parquet`."""

from __future__ import annotations

import sys

import connectorx
from pyarrow import parquet


def main(url: str, sql: str, output: str) -> None:
    """Read the whole result, then write it."""
    parquet.write_table(connectorx.read_sql(url, sql, return_type="arrow"), output)


if __name__ == "__main__":
    main(*sys.argv[1:])
