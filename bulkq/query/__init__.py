"""Parse SQL text into `Query` values, and render them in a driver's style. Pure: files are read elsewhere.

parse_queries               text of a file or of `-e` -> queries; by name
headers                     the comment lines above a statement
check_headers               what a check expects of its answer
render_query                a query -> a driver's text; offsets back to `file:line`
identifier_placeholders     what `:{name}` stands for in a parameter set
lint                        findings without a database
comparison_operands         what a parameter is compared with, for SQLite
row_keys_of_parameter_sets  which row a parameter set changes
range_placeholder           where the range of a key goes in a statement of a backfill
backfill_statement          the statements of `--set`, `--delete` and `--where`
requirement_headers         what a query requires of the database
backfill_headers            what a query says about its backfill

Importing this room is cheap; sqlglot is imported by the first text that is not simple (`simple_tokens`), and by `operands`.
"""

from __future__ import annotations

from bulkq.query.check_headers import rules
from bulkq.query.comparison_operands import Affinities, Operand, operands, tables, untold
from bulkq.query.identifier_placeholders import identifiers, name_parts, no_identifier, unnamed
from bulkq.query.lint import LintFinding, lint, lint_untyped
from bulkq.query.parse_queries import inline, load, pick, pick_variants
from bulkq.query.render_query import RenderedText, caret, locate, render
from bulkq.text.durations import parse_duration

__all__ = [
    "Affinities",
    "LintFinding",
    "Operand",
    "RenderedText",
    "caret",
    "identifiers",
    "inline",
    "lint",
    "lint_untyped",
    "load",
    "locate",
    "name_parts",
    "no_identifier",
    "operands",
    "parse_duration",
    "pick",
    "pick_variants",
    "render",
    "rules",
    "tables",
    "unnamed",
    "untold",
]
