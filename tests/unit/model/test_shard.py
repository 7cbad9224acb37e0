"""Shares of the parameter sets of one input."""

from __future__ import annotations

import pytest

from bulkq.model.shard import MOST_SHARDS, Shard, parse_shard


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_each_number_is_in_one_shard(count: int) -> None:
    """The shards divide the numbers; places count up in each of them, and lead back to the numbers."""
    found: list[int] = []
    for index in range(1, count + 1):
        shard = Shard(index, count)
        mine = [n for n in range(1, 21) if not shard.skipped(n)]
        assert [shard.place(n) for n in mine] == list(range(1, len(mine) + 1))
        assert [shard.number(shard.place(n)) for n in mine] == mine
        assert [shard.share(total) for total in range(21)] == [sum(n <= total for n in mine) for total in range(21)]
        assert all(n + shard.skipped(n) in [*mine, 20 + count, *range(21, 28)] for n in range(1, 21))
        found += mine
    assert sorted(found) == list(range(1, 21))


def test_a_set_belongs_to_the_shard_of_its_remainder() -> None:
    """Set n is in shard n mod N, and in shard N where nothing remains."""
    assert [next(i for i in (1, 2, 3) if not Shard(i, 3).skipped(n)) for n in range(1, 8)] == [1, 2, 3, 1, 2, 3, 1]


def test_text() -> None:
    """What is written is what is read."""
    assert parse_shard(" 2 / 3 ") == Shard(2, 3)
    assert (str(Shard(2, 3)), Shard(2, 3).file_part) == ("2/3", "2-of-3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0/3", "0/3: shards are numbered from 1/3 to 3/3"),
        ("4/3", "4/3: shards are numbered from 1/3 to 3/3"),
        ("3", "3: write I/N, for example 1/3 for the first of three shards"),
        ("", ": write I/N"),
        ("-1/3", "-1/3: write I/N"),
        ("1/3/5", "1/3/5: write I/N"),
        ("٣/٣", "٣/٣: write I/N"),
        ("1/9999999999", "1/9999999999: write I/N"),
        ("0/0", f"0/0: the number of shards must be from 1 to {MOST_SHARDS}"),
        (f"1/{MOST_SHARDS + 1}", "the number of shards must be from 1"),
    ],
)
def test_wrong_text(text: str, message: str) -> None:
    """The message says what to write."""
    with pytest.raises(ValueError, match=".") as caught:
        parse_shard(text)
    assert message in str(caught.value)
