"""What PostgreSQL's catalog says of two moments of a table, and what may have happened between them."""

from __future__ import annotations

import json

import pytest

from bulkq.dialects.postgresql_table_traces import KEPT, kept, part_name, suspicions
from bulkq.model.key_range import KeyColumn, TableKey

KEY = TableKey("public.t", (KeyColumn("id", "integer"),))

THEN = {
    "named": "100 10",
    "xid": "500",
    "children": json.dumps({"2 1": "101"}),
    "files": json.dumps({"1": "70 60 p 2", "2": "71 0 p 2"}),
    "names": json.dumps({"1": "public.t", "2": "public.p"}),
    "columns": json.dumps({"id": "1 100", "v": "2 100"}),
}


def told(**now: object) -> list[tuple[str, str]]:
    """Kind and beginning of each suspicion after `now`."""
    texts = {name: text if isinstance(text, str) else json.dumps(text) for name, text in now.items()}
    return [(one.kind, one.told.partition(":")[0]) for one in suspicions(THEN, {**THEN, **texts}, KEY)]


def test_nothing_has_happened() -> None:
    """Also where an older version has recorded no traces, and to other columns."""
    assert told() == []
    assert told(columns={"id": "1 100", "v": "2 600", "w": "3 600"}) == []
    assert list(suspicions({}, THEN, KEY)) == []
    assert list(suspicions(THEN, {}, KEY)) == []


def test_what_is_recorded() -> None:
    """A rename is of interest only while ranges are executed, and the names are read again."""
    assert kept(THEN).keys() == KEPT
    assert list(suspicions(kept(THEN), {**THEN, "named": "600 10"}, KEY)) == []


@pytest.mark.parametrize(("named", "kinds"), [("600 10", ["replaced"]), ("600 11", []), ("100 10", [])])
def test_a_name_that_was_set(named: str, kinds: list[str]) -> None:
    """A new owner writes the same row."""
    assert [kind for kind, _ in told(named=named)] == kinds


def test_a_column_of_the_key() -> None:
    """It is another one; or its row was written, and the rows of the table may have been computed again."""
    assert told(columns={"id": "5 100"}) == [
        ("rewritten", 'the column "id" of its key is another one than before, with values of its own')
    ]
    assert told(columns={"id": "1 600"}) == []
    assert told(columns={"id": "1 600"}, files={"1": "72 60 p 2", "2": "71 0 p 2"})[1:] == []
    both = {"1": "72 61 p 2", "2": "73 0 p 2"}
    assert told(columns={"v": "2 100"}, files=both) == [
        ("came", "public.p was truncated and filled again in one transaction since the run began")
    ]
    (event, _) = suspicions(THEN, {**THEN, "columns": json.dumps({"id": "1 600"}), "files": json.dumps(both)}, KEY)
    assert event.kind == "rewritten"
    assert event.question.count("UNION ALL\nSELECT 1 FROM") == 1
    assert "FROM ONLY public.t AS o" in event.question
    assert "a.attname = E'id' AND age(d.xmin) BETWEEN 0 AND age('500'::xid)" in event.question


def test_partitions_that_the_role_reads_only_together() -> None:
    """The question is about the rows of one, in the table above."""
    now = {**THEN, "files": json.dumps({"2": "73 0 p 2"}), "hidden": json.dumps({"2": ""})}
    (event,) = suspicions(THEN, now, KEY)
    assert "FROM (SELECT t.xmin FROM public.t AS t WHERE t.tableoid = 2) AS o" in event.question
    assert "ONLY" not in event.question


def test_files_that_were_written_anew() -> None:
    """By TRUNCATE, if rows remain that came with it; a file of another kind, or with another TOAST table, is of ALTER TABLE."""
    assert told(files={"1": "72 60 p 2"}) == [
        ("came", "it was truncated and filled again in one transaction since the run began")
    ]
    assert told(files={"1": "72 60 u 2"}) == []
    assert told(files={"1": "72 61 p 2"}) == []
    assert told(files={"9": "72 60 p 2"}, names={"2": "public.p", "9": "public.n"}) == []


def test_partitions_that_came() -> None:
    """With a condition for the rows that they had when they came."""
    names = {"1": "public.t", "2": "public.p", "3": "public.n"}
    assert told(children={}) == []
    ((kind, text),) = told(children={}, names={"1": "public.t"})
    assert (kind, text) == ("left", "was detached since the run began")
    assert told(children={"2 1": "600", "3 1": "601"}, names=names) == [
        ("came", "public.p was detached and attached again since the run began"),
        ("came", "public.n was attached since the run began"),
    ]
    (event,) = suspicions(THEN, {**THEN, "children": json.dumps({"2 1": "600"})}, KEY)
    assert (event.question, "SELECT 2::oid" in event.condition, "age('600'::xid) - 1)" in event.condition) == (
        "",
        True,
        True,
    )


def test_the_part_that_is_counted() -> None:
    """It is a part of the table now, and the role may read it alone."""
    (event,) = suspicions(THEN, {**THEN, "children": json.dumps({"2 1": "600"})}, KEY)
    assert event.part == "2"
    assert part_name(THEN, "2") == "public.p"
    assert part_name({**THEN, "hidden": json.dumps({"2": ""})}, "2") == part_name(THEN, "9") == part_name({}, "2") == ""
