"""The SQL around statements for PostgreSQL parses, and says what the limits say."""

from __future__ import annotations

import pytest
import sqlglot

from bulkq.dialects import postgresql
from bulkq.model import Limits, Setting

SETTINGS = (Setting("timezone", "Europe/Zu'rich", "PGTZ"),)
READS = Limits(timeout_s=1.5, lock_timeout_s=None, read_only=True)
WRITES = Limits(timeout_s=None, lock_timeout_s=2, read_only=False)


def test_wrapped_statements_give_their_ordinal() -> None:
    """Each form is one statement, with the user's text on lines of its own."""
    items, alias = ["q.c1::text", "q.c2"], "(c1, c2)"
    for text in (
        postgresql.rows("select 1, 2", 1, items, alias),
        postgresql.changed_rows("update t set a = 1 returning a, b", 1, items, alias),
        postgresql.counted("update t set a = 1", 1),
    ):
        assert "$1::int8 AS n" in text
        assert len(sqlglot.parse(text, dialect="postgres")) == 1
    assert postgresql.copied("select 1", "\t").startswith("COPY (\nselect 1\n) TO STDOUT")


def test_columns_keep_their_names_where_the_table_says_which_there_are() -> None:
    """Quoted, if none is there twice; aliases otherwise."""
    own = postgresql.WrappedNames.of(["id", 'a"B'], "select * from t")
    assert (own.names, own.alias) == (('"id"', '"a""B"'), "")
    aliases = postgresql.WrappedNames.of(["id", "id"], "table t")
    assert (aliases.names, aliases.alias) == (("c1", "c2"), "(c1, c2)")
    assert postgresql.WrappedNames.of(["int4"], "select :id::int") == postgresql.WrappedNames(("c1",), "(c1)")


def test_one_statement_stands_for_all_sets() -> None:
    """Arrays of each type come in, and the number of the set goes out first."""
    text = f"select a, b from t where a = {postgresql.set_value(1)}::int and b > {postgresql.set_value(2)}::text -- end"
    made = postgresql.set_rows(text, ["text", "int4"], ["q.c1::text", "q.c2"], "")
    assert "unnest($1::text[], $2::int4[])" in made
    assert "bulkq_sets(bulkq_sets_v1, bulkq_sets_v2, bulkq_sets_n)" in made
    assert "-- end\n" in made
    assert len(sqlglot.parse(made, dialect="postgres")) == 1


def test_the_server_is_asked_about_every_word() -> None:
    """As the catalog spells it: folded, unless it is quoted."""
    made = postgresql.why_apart('select Random(), "Odd""Name"(x) from t where s = \'it\'')
    assert all(f"E'{word}'" in made for word in ("random", 'Odd"Name', "x", "t", "it"))
    assert "Random" not in made
    assert len(sqlglot.parse(made, dialect="postgres")) == 1


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            postgresql.opening(READS, ordinals=False),
            ["BEGIN READ ONLY; ", "'statement_timeout', '1500'", "'lock_timeout', '0'"],
        ),
        (
            postgresql.opening(
                WRITES, ordinals=True, check_alive=True, streaming=True, path=("a", 'b"'), local=SETTINGS, iso=True
            ),
            [
                "READ COMMITTED; ",
                "'log_parameter_max_length_on_error', '8'",
                "Zu''rich",
                "'datestyle', 'ISO'",
                "search_path",
            ],
        ),
        (
            postgresql.opening(Limits(timeout_s=0.5, read_only=True, together=True), ordinals=False),
            ["'statement_timeout', '500'", "'jit', 'off'", "'max_parallel_workers_per_gather', '0'"],
        ),
        (postgresql.opening(READS, ordinals=False, streaming=True), [str(postgresql.STREAM_IDLE_MS)]),
        (postgresql.opening(Limits(whole_floats=True), ordinals=False), ["'extra_float_digits', '3'"]),
        (
            postgresql.opening(Limits(snapshot="0003-1"), ordinals=False),
            ["REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT E'0003-1'; "],
        ),
        (postgresql.session_limits(READS), ["SET statement_timeout = 1500"]),
        (postgresql.session_limits(WRITES, ("a",), iso=True), ["SET search_path", "SET datestyle = 'ISO'"]),
        (postgresql.local(SETTINGS), ["set_config(E'timezone', E'Europe/Zu''rich', true)"]),
    ],
)
def test_transactions_open_with_their_limits(text: str, parts: list[str]) -> None:
    """No limit is 0; text is quoted."""
    assert [part for part in parts if part not in text] == []


def test_describing_waits_within_bounds() -> None:
    """For the lock timeout of the query, at most five seconds, where its names are looked up."""
    assert "lock_timeout = 5000" in postgresql.describing(())
    assert "lock_timeout = 1000" in postgresql.describing((), 1.0)
    assert "lock_timeout = 5000" in postgresql.describing((), 60.0)
    both = postgresql.describing(("a",), settings=SETTINGS)
    assert both.endswith('; SET LOCAL search_path = "a"')
    assert "Zu''rich" in both
