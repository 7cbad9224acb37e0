"""Find the objects that a statement of `--schemas` uses outside of the tenant's schema, and refuse all but those of extensions.

They stand behind the tenant's schema for their operators, types and functions. A table that the tenant lacks must be an error, and not the
table of that name in `public`. The server is asked, in the transaction in which it has prepared the statement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects.postgresql import DIALECT, literal
from bulkq.errors import DatabaseError
from bulkq.model import Phase
from bulkq.query.unqualified_names import find_references

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.model import Query

LOCKED = """
   AND EXISTS (SELECT FROM pg_catalog.pg_locks AS l
                WHERE l.locktype = 'relation' AND l.pid = pg_catalog.pg_backend_pid() AND l.relation = c.oid)"""
"""Preparing a query locks the tables that it names, and nothing else that a word of it may mean."""

RELATIONS = """\
SELECT 'relation', n.nspname::text, c.relname::text
  FROM (VALUES {names}) AS w(name)
  JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(pg_catalog.quote_ident(w.name))
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname IN ({schemas}){locked}
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                    AND d.objid = c.oid AND d.deptype = 'e')"""

FUNCTIONS = """\
SELECT 'function', n.nspname::text, p.proname::text
  FROM (VALUES {names}) AS w(name)
  JOIN pg_catalog.pg_proc AS p ON p.proname = w.name
  JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
 WHERE n.nspname IN ({schemas}) AND pg_catalog.pg_function_is_visible(p.oid)
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                    AND d.objid = p.oid AND d.deptype = 'e')"""

STATES = {"relation": "42P01", "function": "42883"}


def question(query: Query, text: str) -> str | None:
    """The SQL that gives what the statement of `query`, in its final form `text`, finds where it must not; None where all is allowed."""
    if query.schema is None or not query.behind.extensions:
        return None
    found = find_references(text, query.verb, DIALECT.name)
    schemas = _listed(query.behind.extensions)
    parts = [
        RELATIONS.format(names=_rows(names), schemas=schemas, locked=locked)
        for names, locked in ((found.relations, LOCKED if found.analyzed else ""), (found.literals, ""))
        if names
    ]
    if found.functions:
        parts.append(FUNCTIONS.format(names=_rows(found.functions), schemas=schemas))
    return " UNION ALL ".join(parts) or None


def refuse(query: Query, rows: Iterable[Sequence[object]]) -> None:
    """Refuse a statement for the first of `rows`, which answer `question`.

    Raises:
        DatabaseError: with the state that the server has for a name that is missing.
    """
    for kind, schema, name in rows:
        raise DatabaseError(
            f'{kind} "{name}" does not exist in schema "{query.schema}"; the one in "{schema}" is of no extension',
            sqlstate=STATES[str(kind)],
            phase=Phase.PREPARING,
            hint=f"write {schema}.{name} if it is meant, or add --schemas-with {schema}",
        )


def _rows(names: Iterable[str]) -> str:
    return ", ".join(f"({literal(name)})" for name in names)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(literal, names))
