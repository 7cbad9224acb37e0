"""How statements are divided into packets, and which may share one."""

from __future__ import annotations

import pytest

from bulkq.drivers.dbapi.multi_statement_packet import MOST_SETS, SEPARATOR, can_share, packets
from bulkq.query import inline


def write(text: str, values: tuple[object, ...]) -> bytes:
    """A statement as a library writes it."""
    return (text % values).encode()


def sizes(lengths: list[int], largest: int) -> list[list[int]]:
    """The lengths of statements in each packet."""
    calls = [("%s", ("x" * length,)) for length in lengths]
    return [list(map(len, texts)) for texts in packets(calls, write, largest)]


def test_a_packet_has_as_many_statements_as_fit() -> None:
    """With what separates them; a statement that is too large has a packet of its own."""
    assert sizes([10, 10, 10], 20 + len(SEPARATOR)) == [[10, 10], [10]]
    assert sizes([10, 10, 10], 20) == [[10], [10], [10]]
    assert sizes([10, 90, 10, 10], 50) == [[10], [90], [10, 10]]
    assert sizes([], 50) == []


def test_a_packet_has_at_most_so_many_sets() -> None:
    """However small they are."""
    assert list(map(len, sizes([1] * (MOST_SETS + 1), 1_000_000))) == [MOST_SETS, 1]


def test_a_value_that_cannot_be_written_waits_for_its_turn() -> None:
    """The packet of the sets before it comes first, so that the error meets the right set."""
    made = packets([("%d", (1,)), ("%d", ("a",)), ("%d", (2,))], write, 100)
    assert next(made) == [b"1"]
    with pytest.raises(TypeError):
        next(made)
    with pytest.raises(TypeError):
        next(packets([("%d", ("a",))], write, 100))


@pytest.mark.parametrize(
    ("sql", "shares"),
    [
        ("select ';' -- ;", True),
        ("update t set n = ';' /* ; */ where id = :i;", True),
        ("call p(:i)", False),
        ("do sleep(:s)", False),
        ("create table t (a int)", False),
        ("-- @transaction off\nselect 1", False),
    ],
)
def test_only_a_read_or_write_in_a_transaction_shares_packets(sql: str, shares: bool) -> None:
    """Not what has several results, may commit, or stands outside a transaction."""
    assert can_share(inline(sql, "mysql"), "mysql") is shares
