"""PostgreSQL through asyncpg. The only package that imports asyncpg; found by `bulkq.drivers.open_driver`.

driver        URL -> session: options, TLS, what was found at the other end
connection    one session: attempt, stream, copy, check, and getting back to idle after anything
describing    a query -> a prepared statement: asks the server, wraps the user's text
statement     sets -> arguments, records -> `Reply`
wrapping, decoding, catalog, translating    the SQL we add, the forms of values, types and names, errors
"""

from __future__ import annotations

from bulkq.drivers.asyncpg.driver import AsyncpgDriver, open  # noqa: A004 - every driver module has `open`

__all__ = ["AsyncpgDriver", "open"]
