"""PostgreSQL through asyncpg. The only package that imports asyncpg; found by `bulkq.drivers.open_driver`.

driver               URL -> session: options, TLS, what was found at the other end
connection           one session: attempt, stream, copy, check
extended_connection  asyncpg's connection: messages that it sends together, and how it becomes idle after anything
prepare              a query -> a prepared statement: asks the server, wraps the user's text
numbered_query_text  the text of a query with `$n` for its parameters
statement            sets -> arguments, records -> `Reply`
attempt              one batch in its transaction
result_value_forms   the forms of result values
catalog              what the server says of types and names
translate_errors     asyncpg's exceptions -> `DatabaseError`
"""

from __future__ import annotations

from bulkq.drivers.asyncpg.driver import AsyncpgDriver, open  # noqa: A004 - every driver module has `open`

__all__ = ["AsyncpgDriver", "open"]
