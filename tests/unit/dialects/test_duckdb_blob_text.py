r"""Which texts DuckDB would read as other bytes, and which parameters meet bytes. DuckDB itself makes the plans here."""

from __future__ import annotations

import duckdb
import pytest

from bulkq.dialects.duckdb_blob_text import AMBIGUOUS, INSIDE, are_plain, converter, places, why_not
from bulkq.dialects.duckdb_bound_plan import mark, plan_query

BASE = duckdb.connect()
BASE.execute("create table t (id int, v blob, items blob[], s struct(a blob), name varchar)")


@pytest.mark.parametrize(
    ("sql", "single", "inside"),
    [
        ("insert into t values ({}, {}, {}, {}, {})", {1}, {2, 3}),
        ("select * from t where v = {} and name = {}", {0}, set()),
        ("insert into t (v) select {}", {0}, set()),
        ("update t set v = {}::blob where id = {}", {0}, set()),
        ("select try_cast({} as blob)", set(), set()),
        ("select {}", set(), set()),
    ],
)
def test_which_places_are_bytes(sql: str, single: set[int], inside: set[int]) -> None:
    """By the casts of DuckDB's plan."""
    text = sql.format(*(mark(i) for i in range(sql.count("{}"))))
    assert places(BASE.execute(plan_query(text)).fetchall()[0][0]) == (single, inside)


@pytest.mark.parametrize(
    ("value", "declared", "inside", "why"),
    [
        (r"\x00ff", False, False, AMBIGUOUS),
        (r"\x00ff", True, False, ""),
        (r"\x00\xFF", False, False, ""),
        (r"\x41", False, False, ""),
        (r"\x", False, False, ""),
        ("00ff", False, False, ""),
        (r'["\\x41"]', False, True, INSIDE),
        (r'["\\x41"]', True, True, INSIDE),
        ("[]", False, True, ""),
        (b"\\x00ff", False, False, ""),
        (None, False, False, ""),
    ],
)
def test_why_a_value_is_refused(value: object, why: str, *, declared: bool, inside: bool) -> None:
    """Digits are bytes if the type is declared; without it two programs mean different bytes by them."""
    assert why_not(value, declared=declared, inside=inside) == why
    if why:
        with pytest.raises(ValueError, match="declare|unhex"):
            converter(declared=declared, inside=inside)(value)


@pytest.mark.parametrize(
    ("value", "made"),
    [
        (r"\x00ff", b"\x00\xff"),
        (r"\x", b""),
        ("abc", "abc"),
        (r"\x00\xFF", r"\x00\xFF"),
        (b"\x00", b"\x00"),
        (None, None),
    ],
)
def test_digits_become_bytes(value: object, made: object) -> None:
    """What DuckDB itself reads right stays as it is."""
    assert converter(declared=True, inside=False)(value) == made


def test_a_list_stays() -> None:
    """Nothing is made of a value that holds no bytes."""
    assert converter(declared=False, inside=True)("[null]") == "[null]"


def test_plain_sets() -> None:
    """Only the places that meet bytes are looked at."""
    assert are_plain([(r"\x00", "a"), (1, None)], [1])
    assert not are_plain([("a", "b"), ("c", r"\x00")], [0, 1])
    assert are_plain([(r"\x00",)], [])
