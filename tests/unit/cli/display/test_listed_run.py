"""Runs of the ledger in a list, alone, and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

from bulkq.cli.display.listed_run import run_text, runs_json, runs_table
from bulkq.model import RecordedPart, SinkPosition
from bulkq.model.run_record import ListedRun
from tests.support.ledgers import ended, failure, position, record

RUN = replace(
    ended(record("a"), exit_code=1, ok=2, failed=25), name="a\tb", request='{"run": {"backfill": {"over": "t"}}}'
)
PART = RecordedPart(1, ((1, 1), (3, 4)), tuple(map(failure, range(5, 30))), position(1), (SinkPosition("o.csv", 9),))


def test_forms_of_a_run() -> None:
    """A list has a line for each run; one run has its parts, twenty failures and the next step; JSON has no parameter values."""
    known = ListedRun(RUN, "failed", (PART,), ("spool",), undone_by="u")
    header, line = runs_table([known]).splitlines()
    assert header.startswith("run")
    assert "failed, undone" in line
    assert r"a\tb" in line
    lines = run_text(known, "l.db").splitlines()
    assert {
        "status       failed (exit 1)",
        "backfill     t by ranges of its key: 2 ranges done, 25 failed, 0 rows changed",
        "part 1       3 done: 1, 3..4",
        "             source read to set 1, line 2, byte 7",
        '             output "o.csv" durable to byte 9',
        "             and 5 more: --format json shows them",
        "next         bulkq runs u",
    } <= set(lines)
    assert sum(line.startswith("failure ") for line in lines) == 20
    whole = json.loads(runs_json([known], one=True, indent=None))
    assert whole["parts"][0]["done"] == [[1, 1], [3, 4]]
    assert "params" not in whole["parts"][0]["failures"][0]
    assert whole["request"] == {"run": {"backfill": {"over": "t"}}}
    assert "parts" not in json.loads(runs_json([known], one=False, indent=2))[0]
    broken = replace(known, record=replace(RUN, request="{", mode="read", name="q"), parts=(), undone_by=None)
    assert json.loads(runs_json([broken], one=True, indent=None))["request"] == "{"
    assert "backfill" not in run_text(broken, "l.db")
