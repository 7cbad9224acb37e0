"""Leftovers of rebuilds, and who may remove them."""

from __future__ import annotations

from bulkq.dialects.maintenance_catalog import ServerFacts
from bulkq.dialects.postgresql_leftover_indexes import read_invalid, read_leftovers

SERVER = ServerFacts(version=150000, role="ops")


def test_m3_m13_a_leftover_is_named_with_the_statement_that_removes_it() -> None:
    """And with what the role lacks: nothing in its own table, the owner's role in others, a superuser in pg_toast."""
    mine, theirs, supers, toast = read_leftovers(
        [
            ("public", "t_pkey_ccnew", "public.t", False, True, "ops", True, None),
            ("public", "t_pkey_ccold", "public.t", True, False, "own", True, None),
            ("public", "t_pkey_ccold1", "public.t", True, False, "", True, None),
            ("pg_toast", "pg_toast_1_index_ccnew", "public.t", False, False, "own", True, None),
            ("public", "t_v", "public.t", False, True, "ops", False, None),
        ],
        SERVER,
    )
    assert (mine.done, mine.missing) == (False, "")
    assert mine.drop == 'DROP INDEX CONCURRENTLY "public"."t_pkey_ccnew"'
    assert theirs.done
    assert 'GRANT "own" TO "ops"' in theirs.missing
    assert supers.missing == "its owner has superuser rights; let a superuser run it"
    assert "superuser" in toast.missing


def test_an_invalid_index_is_not_a_leftover() -> None:
    """No rebuild has left it behind, so it is not dropped. Its partitioned tables are known."""
    rows = [
        ("public", "t_pkey_ccnew", "public.t", False, True, "ops", True, None),
        ("public", "t_v", "public.t", False, True, "ops", False, None),
        ("public", "p1_v", "public.p1", False, True, "ops", False, ["public.p"]),
    ]
    assert [(one.object.shown, one.object.table, one.parents) for one in read_invalid(rows)] == [
        ("public.t_v", "public.t", ()),
        ("public.p1_v", "public.p1", ("public.p",)),
    ]
