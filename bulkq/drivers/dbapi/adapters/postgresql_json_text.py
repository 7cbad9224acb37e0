"""Have a library of PostgreSQL give json and jsonb as the server's text, not as Python objects, whose numbers may have lost digits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from bulkq.drivers.asyncpg import pg_types

if TYPE_CHECKING:
    from bulkq.drivers.dbapi.pep249 import DbapiConnection


def read_json_as_text(library: str, connection: DbapiConnection) -> None:
    """Tell `library`, by SQLAlchemy's name of its driver, for one `connection`. Others are left as they are."""
    driver = cast("Any", connection)
    if library == "psycopg2":
        from psycopg2 import extras

        extras.register_default_json(driver, loads=_same)
        extras.register_default_jsonb(driver, loads=_same)
    elif library in {"psycopg", "psycopg_async"}:
        from psycopg.types.string import TextLoader

        inner = getattr(driver, "driver_connection", None) or driver
        for name in ("json", "jsonb"):
            inner.adapters.register_loader(name, TextLoader)
    elif library == "pg8000":
        for oid in (pg_types.JSON, pg_types.JSONB):
            driver.register_in_adapter(oid, _same)


def _same(text: str) -> str:
    return text
