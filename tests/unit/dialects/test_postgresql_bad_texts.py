"""The search for texts that a type refuses, and whose fault an error is."""

from __future__ import annotations

import pytest

from bulkq.dialects.postgresql_bad_texts import BadTextSearch, ParameterTexts, groups, of_the_value, texts_of


def searched(count: int, bad: set[int], *, named: bool, most: int = 20) -> tuple[list[int], int]:
    """What is found among `count` values by a server that names the culprit, or does not; and how often it was asked."""
    search = BadTextSearch(count, most)
    asked = 0
    while (span := search.next()) is not None:
        asked += 1
        first = next((i for i in span if i in bad), None)
        search.answer(span, None if first is None else (first - span.start if named else None, "22P02", "bad"))
    return [index for index, _, _ in search.found], asked


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("bad", [set(), {0}, {9}, {0, 9}, {3, 4, 5}, set(range(10))])
def test_every_bad_value_is_found(bad: set[int], *, named: bool) -> None:
    """In ascending order, whether the server names the culprit or its span has to be halved."""
    assert searched(10, bad, named=named)[0] == sorted(bad)


def test_a_search_ends_with_as_many_as_a_report_shows() -> None:
    """A column that is bad throughout is not asked about value by value."""
    found, asked = searched(1000, set(range(1000)), named=True)
    assert (found, asked) == (list(range(20)), 20)


def test_nothing_is_asked_about_no_values() -> None:
    """An empty column has no bad value."""
    assert searched(0, set(), named=True) == ([], 0)


@pytest.mark.parametrize("state", ["APP01", "XX000", "0A000", "22P05", "23514", "P0001", "25006", "42501", "38000"])
def test_an_error_of_any_class_is_the_values_fault(state: str) -> None:
    """An input function may raise whatever it wants."""
    assert of_the_value(state)


@pytest.mark.parametrize("state", ["08006", "57P01", "57014", "53200", None])
def test_a_server_that_goes_or_has_no_room_is_not_the_values_fault(state: str | None) -> None:
    """Nor is a timeout, nor an error of the library without a state."""
    assert not of_the_value(state)


@pytest.mark.parametrize("state", ["08006", "57P01", "57014", "53200"])
def test_what_plpgsql_raises_is_the_values_fault(state: str) -> None:
    """The author of a check may choose a state that otherwise belongs to the session; the server says which code raised it."""
    assert of_the_value(state, "exec_stmt_raise")
    assert not of_the_value(state, "ProcessInterrupts")


def test_texts_have_the_positions_of_their_sets() -> None:
    """NULL has no text, a list has one for each of its values, and what cannot be sent is refused at once."""
    assert texts_of([("a",), (None,), (7,)], [0], is_list=False) == ParameterTexts([(0, 0, "a"), (2, 0, "7")])
    assert texts_of([("a", "b"), ("c", "d")], [1, 0], is_list=False).sound == [
        (0, 1, "b"),
        (0, 0, "a"),
        (1, 1, "d"),
        (1, 0, "c"),
    ]
    assert texts_of([('["a",null,1]',), ("{b}",)], [0], is_list=True).sound == [(0, 0, "a"), (0, 0, "1"), (1, 0, "b")]
    nul = "a text value cannot hold the character NUL"
    assert texts_of([("a\0",)], [0], is_list=False) == ParameterTexts([], [(0, 0, "a\0", "22021", nul)])
    assert texts_of([("x",)], [0], is_list=True) == ParameterTexts(
        [], [(0, 0, "x", "22P02", '"x" is not a JSON array')]
    )


def test_a_text_is_what_the_driver_sends() -> None:
    """A conversion by the driver comes first, and what it refuses is refused here."""

    def convert(value: object) -> object:
        if value == "bad":
            raise ValueError("is not an array")
        return f"{{{value}}}"

    found = texts_of([("a",), ("bad",)], [0], is_list=False, convert=convert)
    assert found == ParameterTexts([(0, 0, "{a}")], [(1, 0, "bad", "22000", "is not an array")])


def test_parameters_of_one_type_are_checked_together() -> None:
    """In the order in which the types come first."""
    assert groups([(0, "int"), (1, "text"), (2, "int")]) == {"int": [0, 2], "text": [1]}
