"""SQLite, through any library."""

from __future__ import annotations

from bulkq.dialects.base import Dialect
from bulkq.dialects.requirement_catalog import RequirementCatalog, RequirementQuery
from bulkq.dialects.sqlite_affinity import AFFINITIES, has_affinity
from bulkq.dialects.sqlite_backfill_catalog import CATALOG as TABLES
from bulkq.dialects.sqlite_key_conversion import KEYS
from bulkq.dialects.sqlite_maintenance import MAINTENANCE
from bulkq.dialects.sqlite_query_plan import CATALOG as PLANS
from bulkq.dialects.sqlite_row_images import IMAGES

DIALECT = Dialect(
    name="sqlite",
    simple_tokens=True,
    products=frozenset({"sqlite"}),
    names_schemas=False,
    is_file=True,
    # An unknown name in double quotes is a string: https://sqlite.org/quirks.html#double_quoted_string_literals_are_accepted
    quote="`",
    question_parameters=True,
    parameter_marks="@$#",
    dynamic_types=True,
    affinities=AFFINITIES,
    has_affinity=has_affinity,
    current_schema="'main'",
    tables=TABLES,
    maintenance=MAINTENANCE,
    plans=PLANS,
    requirements=RequirementCatalog(
        table=RequirementQuery(sql="SELECT name, NULL FROM sqlite_master WHERE type <> 'index' AND name IN ({names})"),
        extension=RequirementQuery(sql="SELECT name, NULL FROM pragma_module_list WHERE name IN ({names})"),
    ),
    write_locks="the database file until the range commits: other writers wait, and in WAL mode readers go on",
    keys=KEYS,
    images=IMAGES,
    is_known=True,  # BEGIN IMMEDIATE is a lock on everything
    locked=frozenset(
        {
            "SQLITE_BUSY",
            "SQLITE_BUSY_SNAPSHOT",
            "SQLITE_BUSY_RECOVERY",
            "SQLITE_BUSY_TIMEOUT",
            "SQLITE_LOCKED",
            "SQLITE_LOCKED_SHAREDCACHE",
        }
    ),
    cancelled=frozenset({"SQLITE_INTERRUPT"}),
    read_only=frozenset({"SQLITE_READONLY"}),
)
