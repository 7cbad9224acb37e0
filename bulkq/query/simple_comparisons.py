"""Find what the parameters of simple statements are compared with, without a parser, whose import takes a fifth of a second.

Simple is: columns of one table by conditions `column = :name` with AND between them, `UPDATE ... SET column = :name` with such
conditions, and `INSERT ... VALUES (:name, ...)`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bulkq.model import PlaceholderKind
from bulkq.model.frozen_dataclass import frozen
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from bulkq.model import Query

_NAME = "[A-Za-z_][A-Za-z0-9_]*"
_NAMES = rf"{_NAME}(?:\s*,\s*{_NAME})*"
_CONDITION = rf"{_NAME}\s*(?:=|<>|<=|>=|<|>)\s*:{_NAME}"
_WHERE = rf"where\s+(?P<where>{_CONDITION}(?:\s+and\s+{_CONDITION})*)"
_FORMS = (
    rf"select\s+(?:\*|(?P<columns>{_NAMES}))\s+from\s+(?P<table>{_NAME})\s+{_WHERE}",
    rf"update\s+(?P<table>{_NAME})\s+set\s+(?P<set>{_NAME}\s*=\s*:{_NAME}(?:\s*,\s*{_NAME}\s*=\s*:{_NAME})*)\s+{_WHERE}",
    rf"delete\s+from\s+(?P<table>{_NAME})\s+{_WHERE}",
    rf"insert\s+into\s+(?P<table>{_NAME})\s*\(\s*(?P<columns>{_NAMES})\s*\)\s*values\s*\(\s*(?P<values>:{_NAME}(?:\s*,\s*:{_NAME})*)\s*\)",
)
_PAIR = compile_late(rf"({_NAME})\s*[=<>]+\s*:({_NAME})")
_PLACE = compile_late(rf":({_NAME})")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


KEYWORDS = _words(
    """
    ABORT ACTION ADD AFTER ALL ALTER ALWAYS ANALYZE AND ANY AS ASC ATTACH AUTOINCREMENT BEFORE BEGIN BETWEEN BY
    CASCADE CASE CAST CHECK COLLATE COLUMN COMMIT CONFLICT CONNECT_BY_ROOT CONSTRAINT CREATE CROSS CURRENT
    CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER DATABASE DEFAULT DEFERRABLE DEFERRED DELETE DESC DESCRIBE
    DETACH DISTINCT DO DROP EACH ELSE END ESCAPE EXCEPT EXCLUDE EXCLUSIVE EXISTS EXPLAIN FAIL FALSE FETCH FILTER FIRST
    FOLLOWING FOR FOREIGN FROM FULL FUNCTION GENERATED GLOB GRANT GROUP GROUPS HAVING IF IGNORE ILIKE IMMEDIATE IN
    INDEX INDEXED INITIALLY INNER INSERT INSTEAD INTERSECT INTO IS ISNULL JOIN KEY LAST LATERAL LEFT LIKE LIMIT MATCH
    MATERIALIZED NATURAL NO NOT NOTHING NOTNULL NULL NULLS OF OFFSET ON OR ORDER OTHERS OUTER OVER PARTITION
    PARTITIONED_BY PLAN PRAGMA PRECEDING PRIMARY QUALIFY QUERY RAISE RANGE RECURSIVE REFERENCES REGEXP REINDEX RELEASE
    RENAME REPLACE RESTRICT RETURNING REVOKE RIGHT RLIKE ROLLBACK ROW ROWS SAVEPOINT SELECT SET TABLE TABLESAMPLE TEMP
    TEMPORARY THEN TIES TO TRANSACTION TRIGGER TRUE UNBOUNDED UNCACHE UNION UNIQUE UPDATE USING VACUUM VALUES VIEW
    VIRTUAL WHEN WHERE WINDOW WITH WITHIN WITHOUT XOR
    """
)
"""Words that are not the name of a column or a table everywhere: https://sqlite.org/lang_keywords.html, and those of the parser."""


@frozen
class SimpleComparisons:
    """What the parameters of a simple statement meet.

    Attributes:
        table: the only one, in lower case.
        compared: the column that a parameter is compared with, as it is written.
        kept: parameters that go into a column.
        unmet: parameters that are not compared at all.
    """

    table: str
    compared: dict[str, str]
    kept: frozenset[str]
    unmet: frozenset[str]


def find_simple_comparisons(query: Query) -> SimpleComparisons | None:
    """What the parameters of `query` meet; None if it is not simple, or has a parameter twice."""
    if any(place.kind is not PlaceholderKind.VALUE for place in query.placeholders):
        return None
    tried = (re.fullmatch(rf"\s*{form}\s*", query.sql, re.IGNORECASE | re.ASCII) for form in _FORMS)
    match = next(filter(None, tried), None)
    if match is None or len({place.name for place in query.placeholders}) != len(query.placeholders):
        return None
    parts = {"columns": "", "set": "", "where": "", "values": "", **{k: v or "" for k, v in match.groupdict().items()}}
    compared = {name: column for column, name in _PAIR.findall(parts["where"])}
    kept = {name: column for column, name in _PAIR.findall(parts["set"])}
    names = [parts["table"], *re.findall(_NAME, parts["columns"]), *compared.values(), *kept.values()]
    if any(name.upper() in KEYWORDS for name in names):
        return None
    unmet = frozenset(_PLACE.findall(parts["values"]))
    return SimpleComparisons(parts["table"].lower(), compared, frozenset(kept), unmet)
