"""libpq's connection parameters, read once for every PostgreSQL driver: from the URL, the service file and the environment.

`conninfo` resolves them, `parameters` says what asyncpg can do with each, `settings` holds those that are settings of the server.
"""

from __future__ import annotations

from bulkq.drivers.libpq.conninfo import ConnectionParameter, resolve
from bulkq.drivers.libpq.settings import blame, settings_of, startup

__all__ = ["ConnectionParameter", "blame", "resolve", "settings_of", "startup"]
