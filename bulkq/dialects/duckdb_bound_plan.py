"""DuckDB: the plan of a bound query: which functions it calls, how it converts marked values, and whether it depends on an order of rows.

DuckDB binds a query to a plan, in which views and macros are expanded, types are resolved, and casts are explicit. A literal with a mark
stands in the place of each value, so that the plan shows what becomes of it.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from bulkq.dialects.duckdb import DIALECT
from bulkq.model.frozen_dataclass import frozen
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Node = Mapping[str, Any]
    """An operator, an expression or a type of a plan."""

MARK = "\x01bulkq "
"""Begins the literal that stands for a value in a plan; the number of its place follows."""

MARKS = compile_late(f"{MARK}\\d+")

NODES = frozenset(
    {
        *("PROJECTION", "FILTER", "GET", "AGGREGATE_AND_GROUP_BY", "DISTINCT", "ORDER_BY", "UNION", "UNNEST"),
        *("COMPARISON_JOIN", "ANY_JOIN", "CROSS_PRODUCT", "DELIM_JOIN", "DELIM_GET", "MATERIALIZED_CTE", "CTE_REF"),
        *("DUMMY_SCAN", "EMPTY_RESULT", "EXPRESSION_GET", "CHUNK_GET"),
    }
)
"""Operators whose rows do not depend on the order of their input. LIMIT, windows, samples and ASOF joins are not among them."""

SOURCES = frozenset(
    {"seq_scan", "range", "generate_series", "unnest", "read_parquet", "parquet_scan", "read_csv", "read_csv_auto"}
)
"""Table functions that give the same rows to each execution of a transaction."""

COUNTS = frozenset({"count", "count_star", "count_if", "countif"})

AGGREGATES = frozenset(
    {"min", "max", "sum", "sum_no_overflow", "avg", "mean", "bool_and", "bool_or", "bit_and", "bit_or", "bit_xor"}
)
"""Aggregates whose result does not depend on the order of rows, over `EXACT` types."""

EXACT = frozenset(
    {
        *("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL", "VARCHAR", "BLOB", "UUID"),
        *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "DATE", "TIME", "TIMESTAMP"),
        *("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"),
    }
)
"""Types of which equal values are identical, and whose sums are exact. 0.0 and -0.0 are equal, as are 1 month and 30 days."""

VALUES = frozenset({"BOUND_CONSTANT", "BOUND_REF", "BOUND_COLUMN_REF"})
"""Classes of expressions that call nothing."""


@frozen
class Call:
    """A function or an operator of a plan, with its types."""

    kind: str  # the class of the expression
    name: str
    arguments: tuple[str, ...]
    returns: str


@frozen
class BoundPlan:
    """What a plan says about the query."""

    calls: Counter[Call]
    marked: Mapping[int, frozenset[str]]  # of each marked place, the types to which its value is converted first
    conversions: Counter[Call]  # the casts of marked values, which are in `calls` too
    order: str  # an operator or a function whose result depends on the order of rows; "" if there is none


class NoPlan(ValueError):
    """DuckDB gives no plan of the text; the message is DuckDB's."""


CATALOG_ENTRY = "table_info"
"""The key of the definition of the table that a plan changes: its generated columns and defaults are expressions, too."""


def mark(number: int) -> str:
    """The literal for the value at place `number` of the text."""
    return DIALECT.literal(f"{MARK}{number}")


def plan_query(text: str) -> str:
    """The query for the plan of the SELECT statement `text`, without parameters."""
    return f"SELECT json_serialize_plan({DIALECT.literal(text)})"


def read_plan(answer: str) -> BoundPlan:
    """Read what `plan_query` has returned.

    Raises:
        NoPlan: DuckDB gives no plan of this text.
    """
    found = json.loads(answer)
    if found.get("error"):
        raise NoPlan(MARKS.sub(":value", " ".join(str(found.get("error_message")).split())))
    calls: Counter[Call] = Counter()
    conversions: Counter[Call] = Counter()
    marked: dict[int, set[str]] = {}
    order = ""
    for node, parent in walk(found["plans"]):
        order = order or ("" if _is_exists(node, parent) else _order(node))
        kind = str(node.get("expression_class", ""))
        if kind.startswith("BOUND_") and kind not in VALUES:
            calls[_call(node)] += 1
        number = mark_of(node)
        if number is not None:
            cast = _is_cast(parent)
            conversions += Counter([_call(parent)] if cast else [])
            marked.setdefault(number, set()).add(type_name(parent["return_type"] if cast else node["value"]["type"]))
    return BoundPlan(calls, {number: frozenset(kinds) for number, kinds in marked.items()}, conversions, order)


def type_of_mark(plan: BoundPlan, number: int) -> str:
    """The type to which DuckDB converts the value at place `number`; "" if there is not exactly one, or if it has no simple name."""
    kinds = plan.marked.get(number, frozenset())
    kind = next(iter(kinds), "")
    return kind if len(kinds) == 1 and ":" not in kind else ""


def walk(plans: object) -> Iterator[tuple[Node, Node]]:
    """Each node of a plan with the node that it is in, without what the catalog has of a table: its expressions are not bound."""
    todo: list[tuple[object, Node]] = [(plans, {})]
    while todo:
        value, parent = todo.pop()
        if isinstance(value, dict):
            yield value, parent
            todo.extend((child, value) for key, child in value.items() if key != CATALOG_ENTRY)
        elif isinstance(value, list):
            todo.extend((child, parent) for child in value)


def _order(node: Node) -> str:
    """What in `node` depends on the order of rows, or is not known not to; "" if nothing does."""
    kind = str(node.get("type", ""))
    if kind.startswith("LOGICAL_"):
        return _order_of_operator(kind.removeprefix("LOGICAL_"), node)
    if node.get("expression_class") == "BOUND_AGGREGATE":
        name, types = _name(node), (type_name(argument["return_type"]) for argument in node["children"])
        if name in COUNTS or (name in AGGREGATES and all(map(_is_exact, types))):
            return ""
        return f"{name}()"
    return ""


def _is_exists(node: Node, parent: Node) -> bool:
    """Whether `node` is the LIMIT that DuckDB makes of EXISTS, where only the number of rows matters."""
    counted = [_name(call) for call in parent.get("expressions") or ()]
    return node.get("type") == "LOGICAL_LIMIT" and counted == ["count_star"] and not parent["groups"]


def _order_of_operator(kind: str, node: Node) -> str:
    if kind not in NODES:
        return kind.replace("_", " ")
    match kind:
        case "GET":
            sampled = (node.get("extra_info") or {}).get("sample_options") is not None
            return "SAMPLE" if sampled else "" if _name(node) in SOURCES else f"{_name(node)}()"
        case "DISTINCT":
            keys = node["distinct_targets"]
            exact = node["distinct_type"] == "DISTINCT" and all(
                _is_exact(type_name(key["return_type"])) for key in keys
            )
            return "" if exact else "DISTINCT"
        case "AGGREGATE_AND_GROUP_BY":
            exact = all(_is_exact(type_name(key["return_type"])) for key in node["groups"])
            return "" if exact else "GROUP BY"
        case _:
            return ""


def mark_of(node: Node) -> int | None:
    """The number of the place whose mark the constant `node` is."""
    text = str(node["value"].get("value", "")) if node.get("expression_class") == "BOUND_CONSTANT" else ""
    return int(text.removeprefix(MARK)) if text.startswith(MARK) else None


def _is_cast(node: Node) -> bool:
    """Whether `node` is a cast that fails for a value without the type; TRY_CAST gives NULL for it."""
    return node.get("type") == "OPERATOR_CAST" and not node["function_data"]["try_cast"]


def _call(node: Node) -> Call:
    arguments = tuple(type_name(kind) for kind in node.get("arguments") or ())
    returns = type_name(node["return_type"]) if "return_type" in node else ""
    return Call(str(node["expression_class"]), _name(node) or str(node.get("type", "")), arguments, returns)


def _name(node: Node) -> str:
    return str(node["qname"]["path"][-1]) if "qname" in node else ""


def type_name(kind: Node) -> str:
    """A type as DuckDB writes it. Of types without a simple name, a text with a colon, which is equal for equal types."""
    name, info = str(kind["id"]), kind.get("type_info")
    if not info:
        return name
    if name == "DECIMAL" and not info.get("alias"):
        return f"DECIMAL({info['width']},{info['scale']})"
    return f"{name}:{json.dumps(info, sort_keys=True)}"


def _is_exact(kind: str) -> bool:
    return kind.partition("(")[0] in EXACT
