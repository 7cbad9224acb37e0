"""Microsoft SQL Server."""

from __future__ import annotations

from bulkq.dialects.base import Dialect

DIALECT = Dialect(name="mssql", sqlglot="tsql")
