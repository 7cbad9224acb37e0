"""DuckDB: texts that it would convert to an integer which is another number than what is written, and the parameters they may harm.

DuckDB rounds '2.5' to 3, and reads '0x2' and '1e0' as 2 and 1, where a text meets an integer. A text must be written as an integer:
blanks, a sign, digits.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import TYPE_CHECKING

from bulkq.dialects.duckdb_bound_plan import MARK, NoPlan, mark_of, type_name, walk
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from bulkq.dialects.duckdb_bound_plan import Node

INTEGERS = frozenset(
    {
        *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
        *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"),
    }
)

BLANKS = r"[ \t\n\v\f\r]*"

ALTERED = compile_late(rf"{BLANKS}(?:[+-]?(?![0-9]+{BLANKS}\Z)[.0-9]|[+-]{BLANKS}\Z)")
"""Begins a text of a number that is not written as an integer; or a sign alone, which is 0 for DuckDB 1. DuckDB itself refuses all else."""

REFUSED = compile_late(f"string ['\"]{MARK}(\\d+)['\"] to U?INT\\d+")

SEPARATORS = compile_late(r"""[][{}(),"']""")
"""Between the items of a list, in any of its notations."""


def is_altered(value: object) -> bool:
    """Whether `value`, or an item of it that is a list, is a text which DuckDB would convert to another integer."""
    if not isinstance(value, str):
        return False
    return bool(ALTERED.match(value)) or (
        bool(SEPARATORS.search(value)) and any(map(ALTERED.match, SEPARATORS.split(value)))
    )


def is_fraction(value: object) -> bool:
    """Whether `value` is a number of Python's that is not an integer."""
    return isinstance(value, float | Decimal) and math.isfinite(value) and value != int(value)


def converter(*, declared: bool) -> Callable[[object], object]:
    """What lets a value for an integer pass as it is.

    Args:
        declared: the type is, so that also numbers of Python's are converted to it.

    The function raises ValueError where DuckDB would make another integer of the value.
    """

    def convert(value: object) -> object:
        if is_altered(value) or (declared and is_fraction(value)):
            raise ValueError("is not written as an integer, and DuckDB would convert it to one")
        return value

    return convert


def are_plain(sets: Sequence[Sequence[object]], indexes: Collection[int]) -> bool:
    """Whether the values at `indexes` of all `sets` are certainly unharmed: digits only in most runs, else each is looked at."""
    for index in indexes:
        column = [values[index] for values in sets]
        try:
            if "".join(column).isdecimal():  # type: ignore[arg-type]  # TypeError: some are not text
                continue
        except TypeError:
            pass
        if any(is_altered(value) or isinstance(value, float | Decimal) for value in column):
            return False
    return True


def integer_places(answer: str) -> frozenset[int]:
    """The marked places whose value DuckDB converts to an integer or a list of integers, in what `plan_query` has returned.

    Raises:
        NoPlan: DuckDB gives no plan.
    """
    return converted_places(answer, _to_integer)


def converted_places(answer: str, wanted: Callable[[Node], bool]) -> frozenset[int]:
    """The marked places whose value goes through a conversion that is `wanted`, in what `plan_query` has returned.

    A value may travel as a column of a subquery first (MERGE, INSERT from SELECT). Such a column is found by its name or position.

    Raises:
        NoPlan: DuckDB gives no plan.
    """
    plan = json.loads(answer)
    if plan.get("error"):
        raise NoPlan(str(plan.get("error_message")))
    nodes = [node for node, _ in walk(plan["plans"])]
    converted = [_inner(node) for node in nodes if is_strict_cast(node) and wanted(node)]
    found = {place for place in map(mark_of, converted) if place is not None}
    columns = [node for node in converted if _is_column_of_text(node)]
    names = {str(column["alias"]).lower() for column in columns} - {""}
    positions = {column["index"] for column in columns}
    return frozenset(found | {place for place, name, at in _carried(nodes) if name in names or at in positions})


def refused_place(message: str) -> int | None:
    """The place whose mark DuckDB itself has tried to convert to an integer, by the message of `NoPlan`; None if there is none."""
    found = REFUSED.search(message)
    return int(found[1]) if found else None


def is_strict_cast(node: Node) -> bool:
    """Whether `node` is a conversion that fails for a value of which it cannot make one of its type."""
    return node.get("type") == "OPERATOR_CAST" and not node.get("function_data", node)["try_cast"]


def _to_integer(node: Node) -> bool:
    """Whether the conversion `node` makes an integer or a list of such."""
    kind = type_name(node["return_type"])
    lists = kind.partition(":")[0] in {"LIST", "ARRAY"}
    return kind in INTEGERS or (lists and any(f'"id": "{name}"' in kind for name in INTEGERS))


def _inner(cast: Node) -> Node:
    """What is converted; DuckDB 1 says it otherwise than DuckDB 2."""
    inner: Node = cast["child"] if "child" in cast else cast["children"][0]
    return inner


def _is_column_of_text(node: Node) -> bool:
    return str(node["expression_class"]) == "BOUND_REF" and str(node["return_type"]["id"]) == "VARCHAR"


def _carried(nodes: Iterable[Node]) -> Iterator[tuple[int, str, int]]:
    """The place, name and position of each mark that is a column by itself."""
    for node in nodes:
        if str(node.get("type")) not in {"LOGICAL_PROJECTION", "LOGICAL_EXPRESSION_GET"}:
            continue
        listed = node["expressions"]
        for row in listed if isinstance(listed[0], list) else [listed]:
            for position, expression in enumerate(row):
                place = mark_of(_inner(expression) if expression["type"] == "OPERATOR_CAST" else expression)
                if place is not None:
                    yield place, str(expression["alias"]).lower(), position
