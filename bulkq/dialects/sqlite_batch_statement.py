"""One statement for several parameter sets on SQLite: copies of a SELECT with UNION ALL between them.

SQLite compiles a copy to the steps of the SELECT alone, and executes the copies one after the other. That this is so is not
believed, it is read from the program that EXPLAIN gives: https://sqlite.org/opcode.html .
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    Program = Sequence[Sequence[object]]
    """Rows of EXPLAIN with texts as bytes: address, opcode, p1 to p5, comment."""

    Step = tuple[object, ...]

COPIES = 32
"""Sets of one statement. From 16 on, more bring nothing; a failure or the deadline of one ends all."""

_CALLS = frozenset({b"Function", b"PureFunc", b"AggStep", b"AggStep1", b"AggFinal", b"AggInverse", b"AggValue"})
_SAFE = frozenset(
    b"abs acos acosh asin asinh atan atan2 atanh avg ceil ceiling char concat concat_ws cos cosh count degrees exp floor format hex instr"
    b" json json_array json_array_length json_extract json_insert json_object json_patch json_quote json_remove json_replace json_set"
    b" json_type json_valid length ln log log10 log2 lower ltrim max min mod nullif octet_length pi pow power printf quote radians replace"
    b" round rtrim sign sin sinh soundex sqrt substr substring sum tan tanh total trim trunc typeof unhex unicode upper"
    b" zeroblob -> ->>".split()
)
"""Functions whose result depends on their arguments alone; coalesce(), ifnull() and iif() are no functions in a program. Not `like` and
`glob`, for which SQLite compiles anew for each value, nor those of dates, for which a value may be `now`.
"""

SCHEMA_AND_STATISTICS = (
    "SELECT schema_version, (SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_stat4') FROM pragma_schema_version"
)
"""The version of the schema, and whether there are samples of values, with which plans depend on the value of a parameter."""


def why_apart(program: Program) -> str:
    """Why the sets of the SELECT with `program` are executed one by one, whatever copies of it would do; "" if there is no reason."""
    for step in program:
        opcode, called = step[1], step[5]
        if opcode in _CALLS and isinstance(called, bytes) and (name := called.partition(b"(")[0].lower()) not in _SAFE:
            return f"it calls {name.decode(errors='replace')}(), whose result may depend on more than its arguments"
        if opcode in {b"VOpen", b"VFilter"}:
            return "it reads a virtual table or a table function"
    return ""


def is_repeated(one: Program, many: Program, copies: int) -> bool:
    """Whether `many` executes `one` so many times and does nothing else.

    Each copy has the steps of `one` in their order, with the same operands but for the places of cursors, registers and steps, and
    puts its number, from 0, behind each row.
    """
    body, setup = _split(one)
    expected: list[Step] = []
    for number in range(copies):
        for step in body:
            if step[0] == b"ResultRow":
                expected += [(b"Integer", number), (b"ResultRow", step[1] + 1)]  # type: ignore[operator] # of an integer
            else:
                expected.append(step)
    found, found_setup = _split(many)
    return bool(body) and found == expected and found_setup == setup


def _split(program: Program) -> tuple[list[Step], set[Step]]:
    """The steps up to the only Halt, and those behind it, which begin the transaction and set constants."""
    steps = list(map(_reduce, program))
    if steps.count((b"Halt",)) != 1 or steps[0][0] != b"Init":
        return [], set()
    at = steps.index((b"Halt",))
    return steps[1:at], set(steps[at + 1 :])


def _reduce(step: Sequence[object]) -> Step:
    """A step without what depends on its place: operands that are cursors, registers or addresses."""
    _, opcode, p1, p2, _, p4, p5, *_ = step
    match opcode:
        case b"Halt" if p1 == 0:
            return (opcode,)
        case b"Integer":
            return (opcode, p1)
        case b"ResultRow":
            return (opcode, p2)
        case b"Variable":
            return (opcode,)
        case b"OpenRead":
            return (opcode, p2, p4, p5)  # the table or index
        case b"Column":
            return (opcode, p2, p4, p5)  # the column
        case _:
            return (opcode, p4, p5)
