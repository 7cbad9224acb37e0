"""Rights for the maintenance of PostgreSQL: who may execute a command, and which GRANT a role is advised to ask for."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bulkq.dialects.maintenance_catalog import ServerFacts
    from bulkq.model.maintenance import MaintainedObject

MAINTAIN = 170000
"""The version that has the right MAINTAIN. PostgreSQL 16 was released without it."""

CHECKPOINT = 150000
"""The version that has the role pg_checkpoint."""

DATABASE_OWNER = "pg_has_role((SELECT datdba FROM pg_catalog.pg_database WHERE datname = current_database()), 'USAGE')"

MAY_DROP_INDEX = """\
CASE WHEN n.nspname = 'pg_toast' THEN (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
            ELSE pg_has_role(c.relowner, 'USAGE') END"""
"""An expression for whether the role may drop the index `c`. The owner of a table has no right in pg_toast, and MAINTAIN is not enough."""


def may_maintain(command: str, server: ServerFacts) -> str:
    """An expression for whether the role may execute a command on the table `t`."""
    right = (
        "has_table_privilege(t.oid, 'MAINTAIN')" if server.version >= MAINTAIN else "pg_has_role(t.relowner, 'USAGE')"
    )
    return f"({right} OR {DATABASE_OWNER})" if command in {"vacuum", "freeze", "analyze"} else right


def grantable_owner(owner: str) -> str:
    """An expression for the name of the role `owner`, an oid; "" if to be its member is to be able to become a superuser."""
    return (
        f"(CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_roles AS u WHERE u.rolsuper AND pg_has_role({owner}, u.oid, 'MEMBER')) "
        f"THEN '' ELSE pg_get_userbyid({owner})::text END)"
    )


@lru_cache(maxsize=4096)  # of small tables it is asked for three times within a second
def quoted_name(schema: str, name: str) -> str:
    """A qualified name as an identifier."""
    return f"{_quoted(schema)}.{_quoted(name)}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def advise_grant(command: str, wanted: MaintainedObject, owner: str, server: ServerFacts, statement: str) -> str:
    """Why the role may not execute a command, with the next step.

    Args:
        command: its name.
        wanted: the object.
        owner: its owner, as `grantable_owner` gives it.
        server: the role, and the version, which decides about the rights that there are.
        statement: the text of the command.
    """
    role = _quoted(server.role)
    if command == "checkpoint":
        later = server.version >= CHECKPOINT
        return f"no right: GRANT pg_checkpoint TO {role}" if later else "no right: only a superuser may"
    if server.version >= MAINTAIN:
        return advise_grant_of_maintain(wanted, server)
    if not owner:
        return f"no right: its owner has superuser rights; let a superuser run it: {statement}"
    return f"no right: only the owner may: GRANT {_quoted(owner)} TO {role}"


def advise_grant_of_maintain(wanted: MaintainedObject, server: ServerFacts) -> str:
    """The same for a command for which the right MAINTAIN is enough, on a server that has it."""
    role = _quoted(server.role)
    schema = wanted.schema  # of an index, too: it is in the schema of its table
    name = quoted_name(schema, wanted.table.removeprefix(f"{schema}."))
    return f"no right: GRANT MAINTAIN ON TABLE {name} TO {role}, or GRANT pg_maintain TO {role}"


def advise_grant_to_drop(schema: str, owner: str, server: ServerFacts) -> str:
    """Why the role may not drop an index, with the next step. `owner` is as `grantable_owner` gives it."""
    if schema == "pg_toast":
        return "only a superuser may drop an index in pg_toast"
    if not owner:
        return "its owner has superuser rights; let a superuser run it"
    return f"only the owner may drop an index: GRANT {_quoted(owner)} TO {_quoted(server.role)}, or connect as {owner}"
