"""The driver for every database with a SQLAlchemy dialect, or with a blocking library behind a `Library`.

sqlalchemy_urls, parsed_url    URL -> what SQLAlchemy says of it
driver                         URL -> session
duckdb_file                    the same for a file of DuckDB, without SQLAlchemy
apsw_file                      an SQLite file through APSW, encrypted or not
driver_of_blocking_library     the same for a library that SQLAlchemy does not know
thread_or_greenlet             where a hop runs: a private thread, or a greenlet on the loop; how often a cancel is repeated
connection                     one session on the loop: hops, deadlines, cancelling
blocking_session               the same session inside a hop; what follows is its parts
prepare, statement             a query, its parameters and its columns; `quote_identifiers` for `:{name}`
attempt                        the sets of a batch: `multi_statement_packet` and `batch_statement` for many at once
transaction                    BEGIN to COMMIT, and whether the session can be used afterwards
stream, cursors, build_reply   results
translate_errors, warnings     what the library raises or reports
try_library                    whether an unknown library can be trusted
adapters                       what libraries and databases differ in; `adapter_return_types`: what they return
pep249, attempt_state          types of the library; what the loop and the thread share
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bulkq.drivers.dbapi.driver import SqlDriver


def open(url: str, *, application_name: str, read_only: bool) -> SqlDriver:  # noqa: A001 - every driver module has `open`
    """The driver for `url`; nothing is connected yet.

    Raises:
        UsageError: the URL cannot be understood.
        MissingDriver: the dialect's library is not installed.
    """
    from bulkq.drivers.dbapi import sqlalchemy_urls
    from bulkq.drivers.dbapi.driver import SqlDriver

    return SqlDriver(sqlalchemy_urls.ask_sqlalchemy(url), application_name=application_name, read_only=read_only)
