"""Why a session of PostgreSQL cannot write, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import Setting

NAME = "default_transaction_read_only"
WHY = f"""\
SELECT pg_catalog.pg_is_in_recovery(), source::text, pg_catalog.quote_ident(session_user::text),
       pg_catalog.quote_ident(pg_catalog.current_database()::text)
  FROM pg_catalog.pg_settings WHERE name = '{NAME}'"""
"""Where the setting comes from: https://www.postgresql.org/docs/current/view-pg-settings.html"""

STANDBY = "the server is a standby in recovery: connect to the primary, or give several hosts with target_session_attrs=read-write"


def explain_read_only(row: Sequence[object], settings: Sequence[Setting]) -> str:
    """The words for the answer to `WHY`, of a session that asked for `settings`."""
    standby, source, user, database = row
    if standby in (True, "t", "true"):
        return STANDBY
    asked = next((one.source for one in settings if one.name == NAME), None)
    if source in {"client", "session"} and asked is not None:
        return f"{NAME} is on in {asked}: remove it"
    places = {
        "global": ("for all roles", f"ALTER ROLE ALL RESET {NAME}"),
        "database": (f"for the database {database}", f"ALTER DATABASE {database} RESET {NAME}"),
        "user": (f"for the role {user}", f"ALTER ROLE {user} RESET {NAME}"),
        "database user": (
            f"for the role {user} in the database {database}",
            f"ALTER ROLE {user} IN DATABASE {database} RESET {NAME}",
        ),
        "configuration file": ("in the configuration of the server", "change it there and reload the server"),
        "command line": ("on the command line of the server", "start the server without it"),
    }
    where, remedy = places.get(str(source), ("for this session", "find out what set it (a pooler?)"))
    return f"{NAME} is on {where}: use another role, or {remedy}"
