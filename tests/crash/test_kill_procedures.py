"""SIGKILL at random moments of a run of a procedure that has its own transaction: at most once, and what is unknown is listed.

pytest tests/crash/test_kill_procedures.py --kills 300 --crash-rows 20000
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.crash.kill_loop import Killing, Work, fresh_state, sizes
from tests.support.crash.nursery import burning, histogram, make_counters

if TYPE_CHECKING:
    import random

    from tests.support.command import Cli
    from tests.support.crash.nursery import Ended, Nursery
    from tests.support.targets import Target

SHARE = 0.25
"""Of the kills."""

FEWER = 10
"""A call is a transaction and two durable lines of the ledger, so there are this many times fewer of them."""

FAILURES = "unknown.jsonl"
MARGIN_S = 0.3


class Calls:
    """Runs that change every counter once, through a procedure that commits."""

    def __init__(self, cli: Cli, target: Target, rows: int, chance: random.Random) -> None:
        self._cli = cli
        self._target = target
        self._rows = rows
        self._chance = chance
        target.execute(
            f"""create procedure bump(i integer) begin
                    start transaction;
                    update counters set n = n + 1 + 0 * {burning(target, 10_000)} where id = i;
                    commit;
                end"""
        )

    def work(self) -> Work:
        """A new run on new counters."""
        make_counters(self._target, self._rows)
        fresh_state(self._cli, self._chance)
        for path in self._cli.folder.glob(f"{FAILURES}*"):
            path.unlink()
        return Work(begin=self._begin, resume=self._resume, done=self.done, unknown=self._untouched)

    def _begin(self) -> tuple[str, ...]:
        params = f"range:id=1..{self._rows}"
        more = ("-p", params, "--write", "--failures", FAILURES, *sizes(self._chance, self._rows))
        return ("run", "-e", "call bump(:id)", "-t", self._target.url, *more)

    def _resume(self) -> tuple[str, ...]:
        return ("resume", "--last", *sizes(self._chance, self._rows))

    def done(self) -> float:
        """The share of the counters that were changed; asserts that none was changed twice."""
        counts = histogram(self._target)
        assert set(counts) <= {0, 1}, f"doubled: {counts}"
        return counts.get(1, 0) / self._rows

    def _untouched(self) -> None:
        assert self.done() == 0, "something was sent before the ledger knew of the run"

    def look(self, ended: Ended) -> int:
        """No counter was changed twice, each that is not listed as unknown was changed once; how many are listed."""
        self.done()
        listed = [json.loads(line) for line in (self._cli.folder / FAILURES).read_text().splitlines()]
        assert {line["outcome"] for line in listed} <= {"unknown"}
        unknown = {int(line["n"]) for line in listed}
        assert len(unknown) == len(listed), "a set is listed twice"
        assert all(line["params"]["id"] == line["n"] for line in listed)
        missing = {int(str(n)) for (n,) in self._target.execute("select id from counters where n = 0")}
        assert missing <= unknown, "lost without being listed"
        assert ended.code == (3 if unknown else 0), ended.err
        said = ended.counts
        wanted = (str(self._rows - len(unknown)), "0", str(len(unknown)), "0")
        assert (said["ok"], said["failed"], said["unknown"], said["skipped"]) == wanted, ended.err
        return len(unknown)


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("target", ["mariadb"], indirect=True)
def test_killed_procedures_are_never_called_twice(
    target: Target, nursery: Nursery, cli: Cli, chance: random.Random, request: pytest.FixtureRequest
) -> None:
    """After any number of SIGKILLs, what is not listed as unknown was applied exactly once, and nothing was applied twice."""
    option = request.config.getoption
    wanted = max(1, round(SHARE * option("--kills")))
    calls = Calls(cli, target, max(10, option("--crash-rows") // FEWER), chance)
    killing = Killing(nursery, cli, chance, start_s=MARGIN_S)
    unknown = 0
    while killing.kills < wanted:
        work = calls.work()
        unknown += calls.look(killing.until_finished(work, wanted - killing.kills, codes=(0, 3)))
    print(f"{killing.kills} kills of {killing.processes} processes, {unknown} sets unknown")
