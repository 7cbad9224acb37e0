"""SIGKILL at random moments of a write with repeated keys: each line is applied once, in the order of the input.

pytest tests/crash/test_kill_repeats.py --kills 300 --crash-rows 200000 -k mariadb
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.crash.kill_loop import Killing, Work, fresh_state, share, sizes
from tests.support.crash.nursery import burning

if TYPE_CHECKING:
    import random

    from tests.support.command import Cli
    from tests.support.crash.nursery import Ended, Nursery
    from tests.support.targets import Target

SHARES = {"postgresql": 0.25, "pgbouncer": 0.15, "sqlite": 0.25, "mariadb": 0.35}
"""Of half the kills."""

IDS = 500
MARGIN_S = 0.3


class Versions:
    """Runs that give each of `IDS` rows every version, one line after the other.

    `n` counts the lines that a row has had. In order and once, the version of a row equals its count at any moment.
    """

    def __init__(self, cli: Cli, target: Target, rows: int, chance: random.Random) -> None:
        self._cli = cli
        self._target = target
        self._count = max(2, rows // IDS)
        self._chance = chance
        lines = [f"{n},{v}" for v in range(1, self._count + 1) for n in range(1, IDS + 1)]
        (cli.folder / "versions.csv").write_text("\n".join(["id,v", *lines, ""]))

    def work(self) -> Work:
        """A new run on new rows."""
        self._target.execute(
            "drop table if exists kept",
            "create table kept (id integer primary key, v integer not null, n integer not null)",
        )
        self._target.execute(f"insert into kept values {', '.join(f'({n}, 0, 0)' for n in range(1, IDS + 1))}")
        fresh_state(self._cli, self._chance)
        return Work(begin=self._begin, resume=self._resume, done=self.done, unknown=self._untouched)

    def _begin(self) -> tuple[str, ...]:
        sql = f"update kept set v = :v, n = n + 1 + 0 * {burning(self._target, 2_500)} where id = :id"
        more = ("-p", "versions.csv", "--write", *sizes(self._chance, self._count * IDS))
        return ("run", "-e", sql, "-t", self._target.url, *more)

    def _resume(self) -> tuple[str, ...]:
        return ("resume", "--last", *sizes(self._chance, self._count * IDS))

    def done(self) -> float:
        """The share of the lines that are applied; asserts that those of each row were applied in order."""
        assert self._target.execute("select id, v, n from kept where v <> n") == []
        ((lines,),) = self._target.execute("select sum(n) from kept")
        return int(str(lines)) / (self._count * IDS)

    def _untouched(self) -> None:
        assert self.done() == 0, "something was sent before the ledger knew of the run"

    def look(self, ended: Ended) -> None:
        """Every row has the value of its last line, and every line was applied once."""
        found = self._target.execute("select v, n, count(*) from kept group by v, n")
        assert [tuple(map(int, map(str, row))) for row in found] == [(self._count, self._count, IDS)]
        said = ended.counts
        assert (said["ok"], said["failed"], said["unknown"]) == (str(self._count * IDS), "0", "0"), ended.err


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("target", SHARES, indirect=True)
@pytest.mark.long
def test_killed_writes_leave_the_last_line_of_each_key(
    target: Target, nursery: Nursery, cli: Cli, chance: random.Random, request: pytest.FixtureRequest
) -> None:
    """After every SIGKILL each row has had its lines in order, and after the last resume it has the value of its last line."""
    wanted = max(1, share(request, SHARES) // 2)
    versions = Versions(cli, target, request.config.getoption("--crash-rows"), chance)
    killing = Killing(nursery, cli, chance, start_s=MARGIN_S)
    while killing.kills < wanted:
        work = versions.work()
        versions.look(killing.until_finished(work, wanted - killing.kills))
    print(f"{target.kind}: {killing.kills} kills of {killing.processes} processes")
