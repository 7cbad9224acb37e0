"""PostgreSQL through asyncpg. The only package that imports asyncpg; found by `bulkq.drivers.open_driver`.

driver, connect_arguments    URL -> session: options, TLS, what was found at the other end; `connect_errors` if there is none
unsupported_parameters       parameters of libpq that asyncpg does not take
connection                   one session: attempt, stream, copy, check; the statements that it keeps prepared
extended_connection          asyncpg's connection: messages that it sends together, and how it becomes idle after anything
prepare                      a query -> a prepared statement: asks the server, in a transaction that the execution ends; wraps the text
numbered_query_text          the text of a query with `$n` for its parameters
statement                    Python values of sets -> arguments, records -> `Reply`
integer_fields               where composite types have integers, for which a fraction is refused
validate_texts               texts of sets that the server cannot convert, and what it need not be asked about types and texts
attempt, commit              one batch in its transaction; its COMMIT
execute_command              a command outside a transaction, for `bulkq maintain`
execute_own_statements       run rows and markers
result_value_forms, type_modifiers    the forms of result values
catalog, pg_types            what the server says of types and names
translate_errors, lock_wait_errors    asyncpg's exceptions -> `DatabaseError`; who holds a lock
"""

from __future__ import annotations

from bulkq.drivers.asyncpg.driver import AsyncpgDriver, open  # noqa: A004 - every driver module has `open`

__all__ = ["AsyncpgDriver", "open"]
