"""Parse SQL text into `Query` values, and render them in a driver's style. Pure: files are read elsewhere.

parse_queries               text of a file or of `-e` -> queries; by name
headers                     the comment lines above a statement
check_headers               what a check expects of its answer
tokens, simple_tokens       a text -> tokens; the second without sqlglot
placeholders                `:name` among them
classify, one_row           what a statement does: verb, read or write; at most one row
foreign_syntax, error_collector    what is wrong in a text: the syntax of another tool
unqualified_names           what the search path decides
names_in_backticks          names that SQLite could take for texts
render_query                a query -> a driver's text; offsets back to `file:line`
repeat_select               a SELECT several times in one statement
identifier_placeholders     what `:{name}` stands for in a parameter set
lint                        findings without a database
comparison_operands, simple_comparisons            what a parameter is compared with, for SQLite; the second without sqlglot
key_columns_of_write, row_keys_of_parameter_sets   which row a parameter set changes
range_placeholder           where the range of a key goes in a statement of a backfill
check_range_bounds, check_range_table, changed_key_columns    whether it bounds the change; whether rows move between ranges
trigger_assignments         what triggers change, for the same
backfill_statement, validate_sql_fragment    the statements of `--set`, `--delete` and `--where`
transform_statements        those of `--select` and `--apply`
requirement_headers         what a query requires of the database
backfill_headers            what a query says about its backfill

Importing this room is cheap; sqlglot is imported by the first text that is not simple (`simple_tokens`), and by `find_operands`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.late_names import import_late
from bulkq.text.durations import parse_duration

if TYPE_CHECKING:
    from bulkq.query.check_headers import read_rules
    from bulkq.query.comparison_operands import Affinities, Operand, find_ambiguous, find_operands, find_tables
    from bulkq.query.identifier_placeholders import (
        describe_missing_identifier,
        find_unnamed,
        name_parts,
        read_identifiers,
    )
    from bulkq.query.lint import LintFinding, lint_untyped
    from bulkq.query.names_in_backticks import put_into_backticks
    from bulkq.query.parse_queries import inline, load, pick, pick_variants
    from bulkq.query.render_query import RenderedText, locate, point_at, render

__all__ = [
    "Affinities",
    "LintFinding",
    "Operand",
    "RenderedText",
    "describe_missing_identifier",
    "find_ambiguous",
    "find_operands",
    "find_tables",
    "find_unnamed",
    "inline",
    "lint_untyped",
    "load",
    "locate",
    "name_parts",
    "parse_duration",
    "pick",
    "pick_variants",
    "point_at",
    "put_into_backticks",
    "read_identifiers",
    "read_rules",
    "render",
]

_HOMES = {
    "read_rules": "check_headers",
    "Affinities": "comparison_operands",
    "Operand": "comparison_operands",
    "find_ambiguous": "comparison_operands",
    "find_operands": "comparison_operands",
    "find_tables": "comparison_operands",
    "describe_missing_identifier": "identifier_placeholders",
    "find_unnamed": "identifier_placeholders",
    "name_parts": "identifier_placeholders",
    "read_identifiers": "identifier_placeholders",
    "LintFinding": "lint",
    "lint_untyped": "lint",
    "put_into_backticks": "names_in_backticks",
    "inline": "parse_queries",
    "load": "parse_queries",
    "pick": "parse_queries",
    "pick_variants": "parse_queries",
    "RenderedText": "render_query",
    "locate": "render_query",
    "point_at": "render_query",
    "render": "render_query",
}

__getattr__ = import_late(__name__, _HOMES)
