"""bulkq runs one SQL query for each parameter set, concurrently; it retries transient errors and resumes interrupted runs.

    async with bulkq.open("postgresql://...", concurrency=16) as db:
        async with db.run("select name from users where id = :id", [{"id": 1}, {"id": 2}], timeout=5) as rows:
            async for row in rows:
                ...

What stands in `__all__` is promised; everything else may change. Names are resolved when they are first used (PEP 562),
so that `import bulkq` costs nothing and the command line starts at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bulkq.api.database import Database
    from bulkq.api.open_database import load, open  # noqa: A004
    from bulkq.api.rows import RecordBatches, Rows
    from bulkq.errors import (
        BulkqError,
        MissingDriver,
        ParameterError,
        QueryFileError,
        RefusedError,
        RunFailed,
        StoppedError,
        TargetError,
        UsageError,
    )
    from bulkq.model import Failure, Outcome, Query, RunSummary, Status
    from bulkq.model.row import Row

__version__ = "0.1.0"

__all__ = [
    "BulkqError",
    "Database",
    "Failure",
    "MissingDriver",
    "Outcome",
    "ParameterError",
    "Query",
    "QueryFileError",
    "RecordBatches",
    "RefusedError",
    "Row",
    "Rows",
    "RunFailed",
    "RunSummary",
    "Status",
    "StoppedError",
    "TargetError",
    "UsageError",
    "__version__",
    "load",
    "open",
]

_HOMES = {
    "bulkq.api.database": ("Database",),
    "bulkq.api.open_database": ("load", "open"),
    "bulkq.api.rows": ("RecordBatches", "Rows"),
    "bulkq.model.row": ("Row",),
    "bulkq.model": ("Failure", "Outcome", "Query", "RunSummary", "Status"),
}


def __getattr__(name: str) -> object:
    """Import a public name from its home when it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module 'bulkq' has no attribute {name!r}")
    from importlib import import_module

    home = next((home for home, names in _HOMES.items() if name in names), "bulkq.errors")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
