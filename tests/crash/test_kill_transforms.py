"""SIGKILL at random moments of a backfill whose values a Python function computes: each row is applied once.

pytest tests/crash/test_kill_transforms.py --kills 12 --crash-rows 200000
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.crash.kill_loop import Killing, Work, fresh_state
from tests.support.crash.nursery import histogram, make_counters, slow_bump

if TYPE_CHECKING:
    import random

    from tests.support.command import Cli
    from tests.support.crash.nursery import Nursery
    from tests.support.targets import Target

SHARES = {"sqlite": 0.1, "postgresql": 0.42}
"""Of the kills; of the 12 that are usual 1 and 5."""

START_S = 0.6
"""From the fork to the first range: a process for the function starts meanwhile."""

BURN = 1_000
"""Steps of the statement for a row, a tenth of a millisecond."""


class Transforms:
    """Backfills that change every counter once, by what a function gives."""

    def __init__(self, cli: Cli, target: Target, rows: int, chance: random.Random) -> None:
        self._target = target
        self._rows = rows
        self._chance = chance
        (cli.folder / "bumps.py").write_text("def bump(rows):\n    return [{'id': row['id']} for row in rows]\n")
        (cli.folder / "bump.sql").write_text(f"-- name: bump\n{slow_bump(target, BURN)}\n")

    def work(self) -> Work:
        """A new run on new counters."""
        make_counters(self._target, self._rows)
        return Work(begin=self._begin, resume=self._resume, done=self.done, unknown=self._untouched)

    def _begin(self) -> tuple[str, ...]:
        gesture = (
            "--select",
            "select id, n from counters where :range",
            "--map",
            "bumps:bump",
            "--apply",
            "bump.sql:bump",
        )
        sizes = ("--max-rows", str(self._chance.choice([100, 400, 100_000])), "--target-time", "50ms")
        return ("backfill", "-t", self._target.url, "--over", "counters", *gesture, *sizes, *self._lanes())

    def _resume(self) -> tuple[str, ...]:
        return ("resume", "--last", *self._lanes())

    def _lanes(self) -> tuple[str, ...]:
        return ("-j", str(self._chance.choice([1, 2, 3])), "--progress", "none")

    def done(self) -> float:
        """The share of the counters that were changed; asserts that none was changed twice."""
        counts = histogram(self._target)
        assert set(counts) <= {0, 1}, f"doubled: {counts}"
        return counts.get(1, 0) / self._rows

    def _untouched(self) -> None:
        assert self.done() == 0, "something was sent before the ledger knew of the run"


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("target", list(SHARES), indirect=True)
@pytest.mark.long
def test_killed_transforms_apply_each_row_once(
    target: Target, nursery: Nursery, cli: Cli, chance: random.Random, request: pytest.FixtureRequest
) -> None:
    """After any number of SIGKILLs, and with other lanes in each process."""
    option = request.config.getoption
    wanted = max(1, round(SHARES[target.kind] * option("--kills")))
    transforms = Transforms(cli, target, option("--crash-rows"), chance)
    killing = Killing(nursery, cli, chance, start_s=START_S)
    while killing.kills < wanted:
        fresh_state(cli, chance)
        killing.until_finished(transforms.work(), wanted - killing.kills)
        assert transforms.done() == 1.0
    print(f"{killing.kills} kills of {killing.processes} processes")
