"""The texts of images in PostgreSQL; tests/integration/backfill/test_undo.py executes them."""

from __future__ import annotations

import json
from dataclasses import replace

from bulkq.dialects.postgresql_row_images import IMAGES, RETURNS_OLD, identifier
from bulkq.model.key_range import KeyColumn, TableKey
from bulkq.model.row_images import ALTERED, UNDONE, CapturedChange, CapturedTable

KEY = TableKey("public.t", (KeyColumn("a", "integer"), KeyColumn("b", "text")))
SET = CapturedTable("i", "r1", 1, KEY, (KeyColumn("n", "numeric"),))
DELETE = CapturedTable("i", "r1", 1, KEY, (KeyColumn("n", "numeric"),), deletes=True)


def test_a_change_and_its_images_are_one_statement() -> None:
    """Up to 17 rows are locked first; since 18 RETURNING has the old values."""
    change = CapturedChange("n = 1", "n > 0", "(a <= :bulkq_hi)", RETURNS_OLD - 1)
    old = IMAGES.capture(SET, change)
    assert (old.before, old.after) == ((), ())
    assert "FROM public.t WHERE (a <= :bulkq_hi) AND (n > 0) FOR NO KEY UPDATE" in old.main
    assert 'FROM bulkq_locked WHERE "a" = bulkq_k0 AND "b" = bulkq_k1 RETURNING' in old.main
    new = IMAGES.capture(SET, CapturedChange("n = 1", "", "(a <= :bulkq_hi)", RETURNS_OLD)).main
    assert "SET n = 1 WHERE (a <= :bulkq_hi) RETURNING WITH (OLD AS bulkq_before, NEW AS bulkq_after)" in new
    gone = IMAGES.capture(DELETE, CapturedChange("", "true", "(a <= :bulkq_hi)", RETURNS_OLD)).main
    assert gone.startswith("WITH bulkq_changed AS (DELETE FROM public.t WHERE (a <= :bulkq_hi) AND (true) RETURNING")


def test_statements_of_users() -> None:
    """They stand as they are, in front of what they return."""
    text = "delete from t as x where (c) -- all"
    old = IMAGES.capture(DELETE, CapturedChange("", "", "(c)", RETURNS_OLD - 1, text)).main
    assert old.startswith(f"WITH bulkq_changed AS ({text}\nRETURNING ARRAY[")
    new = IMAGES.capture(DELETE, CapturedChange("", "", "(c)", RETURNS_OLD, text)).main
    assert f"{text}\nRETURNING WITH (OLD AS bulkq_before, NEW AS bulkq_after)" in new
    assert "NULL::text[] AS bulkq_n" in new


def test_an_undo_compares_and_marks() -> None:
    """Rows are found by their key; those that are left are marked behind it."""
    made = IMAGES.undo(SET, "(c)")
    assert 'bulkq_t."a" = (bulkq_k)[1]::integer AND bulkq_t."b" = (bulkq_k)[2]::text AND ' in made.main
    assert made.after == ("UPDATE i AS bulkq_i SET state = 2 WHERE (c) AND bulkq_i.state = 0",)
    back = IMAGES.undo(DELETE, "(c)")
    assert "OVERRIDING SYSTEM VALUE SELECT (bulkq_o)[1]::numeric FROM bulkq_image ON CONFLICT DO NOTHING" in back.main
    assert len(back.after) == 2
    assert IMAGES.matching(SET).startswith("EXISTS (")
    assert IMAGES.matching(DELETE).startswith("NOT EXISTS (")
    assert IMAGES.keys(SET) == ["bulkq_i.key[1]", "bulkq_i.key[2]"]


def test_an_undo_compares_again_where_triggers_are() -> None:
    """Only the rows that its own transaction has restored."""
    for table in (SET, DELETE):
        plain, compared = IMAGES.undo(table, "(c)").after, IMAGES.undo(replace(table, triggers=True), "(c)").after
        (more,) = [text for text in compared if text not in plain]
        assert more.startswith(
            f"UPDATE i AS bulkq_i SET state = {ALTERED} WHERE (c) AND bulkq_i.state = {UNDONE} AND bulkq_i.xmin = "
        )
        assert 'NOT EXISTS (SELECT FROM public.t AS bulkq_t WHERE bulkq_t."a" = (bulkq_i.key)[1]::integer' in more


def test_facts() -> None:
    """Settings whose texts may be read as another value are named."""
    settings = {"DateStyle": "ISO, MDY", "IntervalStyle": "postgres", "extra_float_digits": "1"}
    known = {
        "stored": ["a"],
        "fixed": None,
        "deletions": ["r (constraint c)"],
        "updates": [["a", "r"]],
        "settings": settings,
    }
    facts = IMAGES.read_facts([(json.dumps(known),)])
    assert (facts.stored, facts.deletions, facts.updates, facts.wrong) == (
        ("a",),
        ("r (constraint c)",),
        (("a", "r"),),
        "",
    )
    known = {
        "stored": None,
        "fixed": ["i"],
        "deletions": None,
        "updates": None,
        "settings": settings | {"extra_float_digits": "0"},
    }
    wrong = IMAGES.read_facts([(json.dumps(known),)]).wrong
    assert wrong.startswith("with extra_float_digits = 0 of this role,")
    assert wrong.endswith("add options=-c%20extra_float_digits%3D1 to the URL of the target")
    assert len(IMAGES.create("i", (), 1, 2)) == 1
    assert IMAGES.create("i", ("run",), 1, 2) == ()
    assert identifier('a"b') == '"a""b"'
