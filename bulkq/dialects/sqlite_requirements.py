"""How SQLite is asked what a query requires."""

from __future__ import annotations

from bulkq.dialects.requirement_catalog import RequirementCatalog, RequirementQuery

REQUIREMENTS = RequirementCatalog(
    table=RequirementQuery(sql="SELECT name, NULL FROM sqlite_master WHERE type <> 'index' AND name IN ({names})"),
    extension=RequirementQuery(sql="SELECT name, NULL FROM pragma_module_list WHERE name IN ({names})"),
)
