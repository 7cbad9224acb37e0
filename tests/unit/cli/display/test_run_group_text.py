"""What the runs of a group came to, as text and as JSON."""

from __future__ import annotations

import json

from bulkq.cli.display.run_group_text import SHOWN, group_object, group_text
from bulkq.model.shard import Shard
from bulkq.policy.run_group import group_jobs
from tests.support.ledgers import ended, record


def test_a_group_in_words() -> None:
    """Shards in order, missing ones, totals, and the next steps of what is not ok."""
    first = ended(record("a", shard=Shard(1, 30), group="G"), ok=5)
    failed = ended(record("b", shard=Shard(2, 30), group="G"), exit_code=1, ok=2, failed=1)
    again = ended(record("c", shard=Shard(1, 30), group="G", started_at="2026-11-22T10:05:00Z"), ok=4)
    jobs = group_jobs([first, failed, again], {"a": "failed", "b": "failed", "c": "ok"})
    steps = {"a": "", "b": "bulkq retry b", "c": ""}
    text = group_text("G", jobs, steps)
    lines = text.splitlines()
    assert lines[0].endswith("30 shards: 1 ok, 1 failed, 28 missing")
    assert [line.split()[:4] for line in lines[2:4]] == [["c", "1/30", "ok", "4"], ["b", "2/30", "failed", "2"]]
    assert f"22/30 and {28 - SHOWN} more" in text
    assert "shard 1/30 was begun before: a is not counted" in text
    assert "group=G status=unknown ok=6 failed=1" in text
    assert lines[-2:] == ["next: bulkq retry b", "next: start the missing shards with the same options"]
    found = json.loads(json.dumps(group_object("G", jobs, steps)))
    assert (found["exit"], found["counts"]["ok"], len(found["jobs"][0]["missing"])) == (3, 6, 28)
    assert [run["next"] for run in found["jobs"][0]["runs"]] == [None, "bulkq retry b"]


def test_a_name_that_leads_to_two_databases() -> None:
    """A write has a job for each of them; the second one says why."""
    runs = [
        ended(
            record(
                name,
                targets=("db",),
                mode="write",
                shard=Shard(index, 2),
                group="G",
                fingerprint=f'{{"targets": ["{name}"]}}',
            ),
            ok=5,
        )
        for index, name in ((1, "a"), (2, "b"))
    ]
    lines = group_text("G", group_jobs(runs, {"a": "ok", "b": "ok"}), {"a": "", "b": ""}).splitlines()
    assert lines.count('"db" is not the same database as in the job of the same name above') == 1
    assert sum(line.startswith("missing: ") for line in lines) == 2
