"""DuckDB: one statement for all parameter sets of a batch of reads, and the plans that show whether it gives the same answers.

DuckDB binds a query to a plan, in which views and macros are expanded, types are resolved, and casts are explicit. The plan of a query
with a mark in the place of each value shows whether the answer depends on anything but the values, to which type DuckDB converts each
value, and whether both statements call the same functions.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from bulkq.dialects.duckdb import DIALECT
from bulkq.model.dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Node = Mapping[str, Any]
    """An operator, an expression or a type of a plan."""

SETS = "bulkq_sets"
"""The alias of the parameter sets beside the user's text."""

MARK = "\x01bulkq "
"""Begins the literal that stands for a value in a plan; the number of its place follows."""

MARKS = re.compile(f"{MARK}\\d+")

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

OBSERVERS = frozenset({"typeof", "pg_typeof", "can_cast_implicitly", "vector_type", "stats", "hash"})
"""Functions whose result depends on the type or the storage of their argument: a bound NULL has no type."""

GENERIC = frozenset({"ANY", "T"})

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


def mark(number: int) -> str:
    """The literal for the value at place `number` of the text."""
    return DIALECT.literal(f"{MARK}{number}")


def plan_query(text: str) -> str:
    """The query for the plan of the SELECT statement `text`, without parameters."""
    return f"SELECT json_serialize_plan({DIALECT.literal(text)})"


def catalog_query(plan: BoundPlan) -> str:
    """The query for the overloads of the functions in `plan`: name, types of parameters, stability."""
    names = sorted({call.name for call in plan.calls if call.kind == "BOUND_FUNCTION"})
    listed = ", ".join(map(DIALECT.literal, names)) or "NULL"
    return (
        "SELECT function_name, parameter_types, stability FROM duckdb_functions() "
        f"WHERE function_type = 'scalar' AND function_name IN ({listed})"
    )


def set_text(text: str, values: Sequence[tuple[str, str]]) -> str:
    """The statement for all sets.

    Args:
        text: the query, with `value_name(i)` where the i-th of `values` stands.
        values: (array, type) of each value. An array is an expression: the texts of one parameter in all sets.
    """
    arrays = (
        f"unnest(CAST({array} AS VARCHAR[]))"
        if kind == "VARCHAR"
        else f"unnest(CAST(CAST({array} AS VARCHAR[]) AS {kind}[]))"
        for array, kind in values
    )
    columns = ", ".join(f"{source} AS v{i}" for i, source in enumerate(arrays))
    first = values[0][0]
    return (
        f"SELECT {SETS}.n, q.* FROM (SELECT {columns}, unnest(range(len({first}))) AS n) AS {SETS}, "
        f"LATERAL (\n{text}\n) AS q LIMIT len({first}) + 1"
    )


def value_name(index: int) -> str:
    """The value of one set in the text that `set_text` takes."""
    return f"{SETS}.v{index}"


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


def unstable(plan: BoundPlan, overloads: Iterable[Sequence[object]]) -> str:
    """The first function of `plan` that is not CONSISTENT, or whose overloads are not in the catalog; "" if all are."""
    known: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for name, types, stability in overloads:
        known.setdefault(str(name), []).append((tuple(map(str, types or ())), str(stability)))  # type: ignore[call-overload]
    for call in plan.calls:
        if call.kind != "BOUND_FUNCTION" or _is_comparison(call):
            continue
        found = known.get(call.name, [])
        if call.name in OBSERVERS or not found or any(_may_be(call, t) for t, s in found if s != "CONSISTENT"):
            return call.name
    return ""


def same_calls(single: BoundPlan, together: BoundPlan) -> bool:
    """Whether the statement for all sets calls each function of the single one, with the same types, and casts nothing else."""
    calls = single.calls - single.conversions
    wanted = Counter({call: n for call, n in calls.items() if not _may_vanish(call)})
    extra = {call for call in together.calls if call.name == "__cast"} - set(single.calls)
    return not wanted - together.calls and all(call.returns.startswith("LIST") for call in extra)


def same_with_null(single: BoundPlan, null: BoundPlan) -> bool:
    """Whether a parameter that is NULL, and therefore has no type, leads to no other function: at most, DuckDB folds one to NULL."""
    return not _without_casts(null) - _without_casts(single)


def _without_casts(plan: BoundPlan) -> Counter[Call]:
    return Counter({call: n for call, n in plan.calls.items() if call.name != "__cast" and not _is_comparison(call)})


def walk(plans: object) -> Iterator[tuple[Node, Node]]:
    """Each node of a plan with the node that it is in."""
    todo: list[tuple[object, Node]] = [(plans, {})]
    while todo:
        value, parent = todo.pop()
        if isinstance(value, dict):
            yield value, parent
            todo.extend((child, value) for child in value.values())
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


def _is_comparison(call: Call) -> bool:
    """A comparison may become the condition of a join."""
    return call.returns == "BOOLEAN" and call.arguments == ("ANY", "ANY")


def _may_be(call: Call, types: tuple[str, ...]) -> bool:
    """Whether `call` may be the overload with these types of parameters."""
    if len(types) != len(call.arguments):
        return False
    pairs = zip(types, call.arguments, strict=True)
    return all(known in GENERIC or known.partition("(")[0] == kind.partition("(")[0] for known, kind in pairs)


def _may_vanish(call: Call) -> bool:
    """Whether DuckDB needs no such call where a subquery depends on other rows; none of them has overloads."""
    return call.kind == "BOUND_CONJUNCTION" or call.name == "count_star" or _is_comparison(call)
