"""What the counters of a MySQL session say of a procedure: whether anything of it can last."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bulkq.drivers.dbapi.adapter_return_types import Ask, Counters

_HARMLESS_NAMES = (
    "begin call_procedure dealloc_sql delete delete_multi do execute_immediate execute_sql get_diagnostics insert "
    "insert_select prepare_sql replace replace_select resignal rollback select set_option show_status signal stmt_close "
    "stmt_execute stmt_prepare update update_multi"
)
HARMLESS = frozenset(f"Com_{name}" for name in _HARMLESS_NAMES.split())
"""Statements of which nothing lasts when no row was written."""

WRITTEN = frozenset({"Handler_write", "Handler_update", "Handler_delete"})


def counted(ask: Ask) -> Counters:
    """The session's statements and the rows that it has written, by the server's names."""
    rows = ask(r"SHOW SESSION STATUS WHERE Variable_name LIKE 'Com\_%' OR Variable_name LIKE 'Handler\_%'")
    return {str(name): int(str(value)) for name, value in rows}


def wrote_nothing(before: Counters, after: Counters) -> bool:
    """Whether a session has neither written a row nor executed a statement that could last, by what it counted."""
    grown = {name for name, value in after.items() if value > before.get(name, 0)}
    statements = {name for name in grown if name.startswith("Com_")}
    return statements <= HARMLESS and WRITTEN.isdisjoint(grown)
