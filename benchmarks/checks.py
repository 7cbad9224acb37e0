"""checks: data checks that take a while, side by side, against their ideal and against one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.bench import Bench, program
from benchmarks.result import Cost, Result, Side, less_start, share, timed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LANES = 16
EACH_S = 0.05
CHECK = """\
-- Nothing is wrong, and it takes a while to see that.
select p::text as found from pg_sleep({each}) as p where p::text = 'wrong {number}';
"""


def checks(bench: Bench) -> Result:
    """200 checks of 50 ms with 16 lanes, less the wall of one check; beside it psql with one file after the other.

    One after the other is how pgTAP's and dbt's tests run on one connection.
    """
    count = bench.scaled(200)
    folder, single = _files(bench, count), _files(bench, 1)
    ideal_s = count / LANES * EACH_S

    def ours(files: Path, sets: int) -> Callable[[], Cost]:
        command = [*program(), "check", str(files), "-t", bench.url, "-j", str(LANES), "--progress", "none"]
        command += ["--ledger", str(bench.folder / "ledger.db")]
        return lambda: bench.timed(command, says=f"ok={sets} failed=0 unknown=0 ")

    one_by_one = [bench.peer("psql"), "-X", "-q", "-At", "-d", bench.url]
    for path in sorted(folder.iterdir()):
        one_by_one += ["-f", str(path)]
    cost = bench.in_turn({"bulkq": ours(folder, count), "one": ours(single, 1)})
    psql_s = bench.timed(one_by_one).wall_s  # once, because it takes ten seconds and is no bound
    return share(
        f"{count} checks of {1000 * EACH_S:.0f} ms on {LANES} lanes (psql, one by one: {psql_s:.1f} s)",
        timed("bulkq check", cost["bulkq"].less(cost["one"]), note=less_start(cost["one"])),
        Side("ideal", ideal_s),
        at_most=1.2,
        aim=1.1,
    )


def _files(bench: Bench, count: int) -> Path:
    folder = bench.folder / f"checks-{count}"
    folder.mkdir(exist_ok=True)
    for number in range(count):
        (folder / f"check_{number:03}.sql").write_text(CHECK.format(each=EACH_S, number=number))
    return folder
