"""Which rows a function fails for, and when its answer is a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.errors import RefusedError, StoppedError
from bulkq.transforms import backfill_row_function, child
from bulkq.transforms.backfill_row_function import RowFunction
from bulkq.transforms.process_pool import CallTimeout, ProcessCrash, ProcessPool

if TYPE_CHECKING:
    from collections.abc import Callable

    Row = dict[str, object]


class InProcess(ProcessPool):
    """Calls the function here, which the names of rows stop."""

    def __init__(self, function: Callable[[list[Row]], object]) -> None:
        super().__init__("", "", 1)
        self.function = function
        self.calls: list[int] = []

    async def apply(self, sets: list[list[Row]], timeout_s: float | None) -> list[child.Answer]:
        """Answer as the child process does."""
        (rows,) = sets
        self.calls.append(len(rows))
        child._loaded["m:f"] = self.function
        if any(row["id"] == "hangs" for row in rows):
            raise CallTimeout
        if any(row["id"] == "dies" for row in rows):
            raise ProcessCrash
        if any(row["id"] == "stays" for row in rows):
            raise TypeError("cannot  pickle")
        return child.apply_function("m:f", sets)


def made(function: Callable[[list[Row]], object], *names: str) -> RowFunction:
    """The function, for parameters `id` and `b` unless others are named."""
    return RowFunction("m:f", InProcess(function), 1.5, names or ("b", "id"))


def same(rows: list[Row]) -> list[Row]:
    """One set for each row."""
    if any(row["id"] in {7, 70} for row in rows):
        raise ValueError("seven")
    return [{"id": row["id"], "b": 0} for row in rows]


async def test_sets_are_in_the_order_of_the_parameters() -> None:
    """Whatever the order of the dicts; one parameter too."""
    (found,) = await made(same).compute(["id"], [(1,), (2,)])
    assert (found.rows, found.sets) == ([(1,), (2,)], [(0, 1), (0, 2)])
    (found,) = await made(lambda rows: [{"id": 3}], "id").compute(["id"], [(1,)])
    assert found.sets == [(3,)]
    assert await made(same).compute(["id"], []) == []


async def test_each_row_that_fails_is_found() -> None:
    """With few calls; all others have their sets."""
    function = made(same)
    found = await function.compute(["id"], [(n,) for n in range(1_000)])
    assert [one.rows for one in found if one.sets is None] == [[(7,)], [(70,)]]
    assert {one.wrong for one in found if one.sets is None} == {"--map m:f: ValueError: seven"}
    assert sum(len(one.sets or ()) for one in found) == 998
    assert isinstance(function._processes, InProcess)
    assert len(function._processes.calls) < 50


@pytest.mark.parametrize(
    ("row", "answer", "words"),
    [
        (1, None, "returned None: return the rows, or an empty list"),
        (1, 7, "returned int: return a list of dicts"),
        (1, ["a"], "returned a row of type str: return dicts"),
        (1, [{1: 2}], "returned a row with a column name that is not a str"),
        (1, [{"id": 1}], 'returned a row without "b", which the query of --apply needs'),
        (1, [{"id": 1, "b": 1, "c": 1}], 'returned a row with "c", which the query of --apply does not have'),
        ("hangs", [], "took longer than 1.5s and was killed"),
        ("dies", [], "its process died"),
    ],
)
async def test_a_wrong_answer_is_a_refusal_before_the_first_right_one(row: object, answer: object, words: str) -> None:
    """Afterwards it is the failure of its row."""
    function = made(lambda rows: [{"id": 1, "b": 2}] if rows[0]["id"] == "right" else answer)
    with pytest.raises(RefusedError) as caught:
        await function.compute(["id"], [(row,)])
    assert str(caught.value) == f"--map m:f: {words}: nothing was applied"
    await function.compute(["id"], [("right",)])
    (found,) = await function.compute(["id"], [(row,)])
    assert (found.sets, found.wrong) == (None, f"--map m:f: {words}")


async def test_rows_that_cannot_travel_are_failures() -> None:
    """The words are those of Python."""
    (found,) = await made(same).compute(["id"], [("stays",)])
    assert (found.sets, found.wrong) == (None, "--map m:f: TypeError: cannot pickle")


async def test_a_function_that_fails_for_all_rows_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """With errors of one kind, one after the other; a row that goes well begins the count anew."""
    monkeypatch.setattr(backfill_row_function, "MOST_FAILED", 12)

    def fails(rows: list[Row]) -> list[Row]:
        if rows == [{"id": 20}]:
            return same(rows)
        raise (KeyError if rows[0]["id"] == 40 else ValueError)(rows[0]["id"])

    function = made(fails)
    for some in ([*range(10)], [20], [*range(10, 18)], [40, 41, 42, *range(50, 56)]):
        assert len(await function.compute(["id"], [(n,) for n in some])) == len(some)
    with pytest.raises(
        StoppedError, match=r"ValueError: \d+: so for 12 rows, one after the other: correct the function"
    ):
        await function.compute(["id"], [(n,) for n in range(60, 72)])
