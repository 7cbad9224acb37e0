"""SIGKILL at random moments of a write over several databases: on each of them every row is changed exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import targets
from tests.support.crash.kill_loop import Killing, Work
from tests.support.crash.nursery import BURNING, histogram, make_counters, marked, recorded, run_rows

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from tests.support.command import Cli
    from tests.support.crash.nursery import Nursery

ROWS = 600
KILLS = 8


def test_killed_writes_change_each_row_once_everywhere(
    nursery: Nursery, cli: Cli, chance: random.Random, database: str, tmp_path: Path
) -> None:
    """The parts of a run are never mixed: whatever was cut off where, a resume finds it by the markers of that target."""
    places = [targets.make("postgresql", tmp_path, database, None)]
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        places.append(targets.make("sqlite", tmp_path / name, "", None))
    for place in places:
        make_counters(place, ROWS)
    burning = BURNING["sqlite"].format(steps=2_500)  # which PostgreSQL takes too
    bump = f"update counters set n = n + 1 + 0 * {burning} where id = :id"

    def sizes() -> tuple[str, ...]:
        return (
            "-j",
            str(chance.choice([1, 3, 8])),
            "--batch",
            chance.choice(["auto", "7", "50"]),
            "--progress",
            "none",
        )

    def begin() -> tuple[str, ...]:
        where = [word for place in places for word in ("-t", place.url)]
        return ("run", "-e", bump, *where, "-p", f"range:id=1..{ROWS}", "--write", *sizes())

    def done() -> float:
        return 1 - sum(histogram(place).get(0, 0) for place in places) / (ROWS * len(places))

    def untouched() -> None:
        assert all(histogram(place) == {0: ROWS} for place in places), (
            "something was sent before the ledger knew of the run"
        )

    killing = Killing(nursery, cli, chance, 0.4)
    work = Work(begin=begin, resume=lambda: ("resume", "--last", *sizes()), done=done, unknown=untouched)
    ended = killing.until_finished(work, KILLS)
    assert [histogram(place) for place in places] == [{1: ROWS}] * 3, "lost or doubled"
    ((run, state),) = recorded(cli)
    assert state == "finished"
    assert (ended.counts["status"], ended.counts["ok"]) == ("ok", str(ROWS * 3)), ended.err
    for place in places:
        assert (marked(place), run_rows(place, run)) == ([], 0)
