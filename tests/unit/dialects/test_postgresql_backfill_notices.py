"""What is said about the surroundings of a table, as PostgreSQL's catalog answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bulkq.dialects import postgresql_backfill_notices as notices

AROUND: dict[str, Any] = {
    "unlogged": False,
    "partition_of": None,
    "partitioned": None,
    "partitions": 1,
    "children": None,
    "triggers": None,
    "rules": None,
    "references": None,
    "generated": None,
    "logical": False,
    "full": 0,
    "without_identity": 0,
    "publications": None,
}


def read(**changed: object) -> tuple[str, ...]:
    """The notices of a table of which only this is known."""
    return notices.read_notices([(json.dumps(AROUND | changed),)])


REFERENCE = {"name": "k", "table": "o", "delete": "a", "update": "r", "indexed": True, "columns": "t_id"}


@pytest.mark.parametrize(
    ("around", "notice"),
    [
        (
            {"rules": [["r", "2", True]]},
            'rule "r" for UPDATE replaces it, so the number of changed rows is that of the rule',
        ),
        ({"rules": [["r", "4", False]]}, 'rule "r" for DELETE does more than it'),
        ({"triggers": [["g", 16]]}, 'trigger "g" is called AFTER UPDATE for each statement'),
        (
            {"triggers": [["g", 27]]},
            'trigger "g" is called BEFORE UPDATE OR DELETE for each row: it may keep rows as they are without an error',
        ),
        ({"triggers": [["g", 9]]}, 'trigger "g" is called AFTER DELETE for each row'),
        ({"references": [REFERENCE]}, 'o refers to it by "k"'),
        (
            {"references": [REFERENCE | {"delete": "c", "update": "d", "indexed": False}]},
            (
                'o refers to it by "k" ON DELETE CASCADE ON UPDATE SET DEFAULT; no index of it begins with t_id, so each DELETE, '
                "and each UPDATE of the columns it refers to, reads the whole table"
            ),
        ),
        ({"partitioned": "RANGE (at)"}, "partitioned by RANGE (at) into 1 partition"),
        ({"partition_of": "p"}, "a partition of p: an UPDATE that would move a row to another partition fails"),
        ({"children": ["c"]}, "c inherits from it, so those rows are changed too, and keys may occur once in each"),
        ({"unlogged": True}, "an unlogged table: it is empty after a crash of the server, and replicas do not have it"),
        ({"generated": ["g"]}, "each UPDATE computes the generated g again"),
        ({"publications": ["p"]}, "published by p: every change is sent to the subscribers"),
        (
            {"publications": ["p"], "without_identity": 1},
            "published by p, but without a replica identity, so the server refuses UPDATE and DELETE: ALTER TABLE ... REPLICA IDENTITY",
        ),
        (
            {"logical": True, "full": 1},
            "REPLICA IDENTITY FULL: each UPDATE and DELETE writes the whole old row to the WAL",
        ),
    ],
)
def test_what_is_around_a_table(around: dict[str, object], notice: str) -> None:
    """One line each."""
    assert read(**around) == (notice,)


def test_what_is_around_a_server() -> None:
    """Numbers are missing for a role that may not see them."""
    rows = [
        ("replica", "one", "async", None, "12 kB", 0.25),
        ("replica", "4711", "", None, None, None),
        ("slot", "used", "logical", True, "0 bytes", None),
        ("slot", "idle", "physical", False, "2 GB", None),
        ("slot", "made", "physical", False, None, None),
    ]
    assert notices.read_servers(rows) == (
        'replica "one" (async) is 12 kB behind, 0.2s',
        'replica "4711" is behind by an unknown size',
        'logical replication slot "used" is 0 bytes behind',
        'physical replication slot "idle" is 2 GB behind: nothing reads it, so the server keeps the WAL of the whole backfill',
        'physical replication slot "made" keeps no WAL: nothing has read it yet, or the server has given it up',
    )
