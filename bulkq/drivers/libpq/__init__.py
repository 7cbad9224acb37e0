"""libpq's connection parameters, read once for every PostgreSQL driver: from the URL, the service file and the environment.

`resolve_parameters` gives each parameter from the first of the three that has it, and `server_settings` finds those that are settings
of the server.
"""

from __future__ import annotations

from bulkq.drivers.libpq.parameters import ConnectionParameter
from bulkq.drivers.libpq.resolve_parameters import resolve_parameters
from bulkq.drivers.libpq.server_settings import blame, settings_of, startup

__all__ = ["ConnectionParameter", "blame", "resolve_parameters", "settings_of", "startup"]
