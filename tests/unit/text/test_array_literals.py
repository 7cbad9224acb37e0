"""Lists and arrays, however they are written, as texts for PostgreSQL."""

from __future__ import annotations

import pytest

from bulkq.text.array_literals import array_of_json, list_of_text, literal_of


@pytest.mark.parametrize(
    ("given", "literal"),
    [
        ("[]", "{}"),
        ('["a","b c",null,"","NULL"]', '{"a","b c",NULL,"","NULL"}'),
        (r'["q\"uo", "b\\s", "é\n"]', '{"q\\"uo","b\\\\s","é\n"}'),
        ("[1, -2.50, 1e300, 12345678901234567890]", '{"1","-2.50","1e300","12345678901234567890"}'),
        ("[true,false]", '{"true","false"}'),
        ("[[1,2],[3,null]]", '{{"1","2"},{"3",NULL}}'),
        ("[[[1]],[[2]]]", '{{{"1"}},{{"2"}}}'),
        ("[[],[]]", "{{},{}}"),
        ('[{"a":[1.50,"x"],"b":null}]', r'{"{\"a\": [1.50, \"x\"], \"b\": null}"}'),
        (' ["a"]', '{"a"}'),
    ],
)
def test_a_json_array_is_an_array_literal(given: str, literal: str) -> None:
    """With its NULLs, quotes and dimensions, and its numbers as they are written."""
    assert array_of_json(given) == literal


def test_elements_stand_between_the_delimiter_of_their_type() -> None:
    """Boxes are separated by semicolons."""
    assert array_of_json('["(1,1),(0,0)","(2,2),(0,0)"]', ";") == '{"(1,1),(0,0)";"(2,2),(0,0)"}'


@pytest.mark.parametrize("given", ["{1,2}", "[0:1]={1,2}", "[1,", "[" * 100_000, "abc", "", '{"a":1}', 7])
def test_what_is_not_a_json_array_stays(given: object) -> None:
    """An array literal, also with its bounds, and whatever the server is to refuse."""
    assert array_of_json(given) is given


@pytest.mark.parametrize("given", ["[[1,2],[3]]", "[[1],2]", "[[1],null]", "[[[1]],[[1,2]]]", '["a",["b"]]'])
def test_arrays_of_different_lengths_are_refused(given: str) -> None:
    """No array of PostgreSQL can hold them."""
    with pytest.raises(ValueError, match="its inner arrays have different lengths"):
        array_of_json(given)


def test_numbers_in_the_objects_of_a_list_are_numbers() -> None:
    """An object in a list is its JSON text, whose numbers have the digits that were written."""
    assert list_of_text('[{"a":1.50,"b":[2]},3]') == ['{"a": 1.50, "b": [2]}', "3"]


def test_an_array_literal_is_a_list_too() -> None:
    """Quoted elements lose their quotes and backslashes; a bare NULL is none."""
    assert list_of_text(r'{1,"a \"b\"",NULL, x ,"NULL"}') == ["1", 'a "b"', None, "x", "NULL"]
    assert list_of_text([1, None]) == ["1", None]


@pytest.mark.parametrize(
    "values",
    [[], ["a", ""], ["a b", "NULL", "{,}"], ['q"uo', "b\\s"], ["é\n", None, "'"], [None], ['"', None]],
)
def test_texts_travel_in_an_array_literal(values: list[str | None]) -> None:
    """What is written is read again as it was."""
    assert list_of_text(literal_of(values)) == values


@pytest.mark.parametrize("values", [[1, "a"], [None, 1], ['"', 1]])
def test_other_values_do_not(values: list[object]) -> None:
    """The caller sends them one by one."""
    with pytest.raises(ValueError, match="not text"):
        literal_of(values)
