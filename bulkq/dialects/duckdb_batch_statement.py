"""DuckDB: one statement for all parameter sets of a batch of reads, and whether it gives the same answers.

The bound plans of both statements show whether the answer depends on anything but the values, and whether both call the same functions.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bulkq.dialects.duckdb import DIALECT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.dialects.duckdb_bound_plan import BoundPlan, Call

SETS = "bulkq_sets"
"""The alias of the parameter sets beside the user's text."""

OBSERVERS = frozenset({"typeof", "pg_typeof", "can_cast_implicitly", "vector_type", "stats", "hash"})
"""Functions whose result depends on the type or the storage of their argument: a bound NULL has no type."""

GENERIC = frozenset({"ANY", "T"})


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
