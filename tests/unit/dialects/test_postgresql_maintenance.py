"""Statements of PostgreSQL's maintenance by version, and what its answers say. Servers execute them in the integration tests."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bulkq.dialects.maintenance_catalog import ServerFacts
from bulkq.dialects.postgresql_maintenance import MAINTENANCE
from bulkq.model.maintenance import CommandReply, MaintainedObject, MaintenanceOptions, Notice, ObjectFacts

PG15, PG16, PG17, PG18 = (ServerFacts(version=n * 10000 + 4, role='o"ps') for n in (15, 16, 17, 18))
TABLE = MaintainedObject("table", "public", 'u"s', 'public.u"s')
PARENT = replace(TABLE, kind="partitioned table", last=True)
NUMBERS = (81920.0, 50.0, 150.0, None, 10.0, 1.0, 60.0, None, 8192.0, 16384.0)


@pytest.mark.parametrize(
    ("options", "server", "text"),
    [
        (MaintenanceOptions(command="vacuum"), PG15, 'VACUUM "public"."u""s"'),
        (MaintenanceOptions(command="vacuum"), PG16, 'VACUUM (SKIP_DATABASE_STATS) "public"."u""s"'),
        (
            MaintenanceOptions(command="vacuum", skip_locked=True, analyze=True, parallel=2, buffer_usage_limit="1GB"),
            PG16,
            'VACUUM (SKIP_LOCKED, BUFFER_USAGE_LIMIT \'1GB\', ANALYZE, SKIP_DATABASE_STATS, PARALLEL 2) "public"."u""s"',
        ),
        (MaintenanceOptions(command="vacuum", full=True, parallel=2), PG15, 'VACUUM (FULL) "public"."u""s"'),
        (MaintenanceOptions(command="freeze"), PG15, 'VACUUM (FREEZE) "public"."u""s"'),
        (MaintenanceOptions(command="analyze"), PG15, 'ANALYZE "public"."u""s"'),
        (MaintenanceOptions(command="analyze", skip_locked=True), PG18, 'ANALYZE (SKIP_LOCKED) ONLY "public"."u""s"'),
        (
            MaintenanceOptions(command="vacuum", full=True),
            PG18,
            'VACUUM (FULL, SKIP_DATABASE_STATS) ONLY "public"."u""s"',
        ),
        (MaintenanceOptions(command="reindex"), PG15, 'REINDEX INDEX CONCURRENTLY "public"."u""s"'),
        (MaintenanceOptions(command="reindex", concurrently=False), PG15, 'REINDEX INDEX "public"."u""s"'),
        (MaintenanceOptions(command="cluster"), PG15, 'CLUSTER "public"."u""s"'),
        (MaintenanceOptions(command="refresh"), PG15, 'REFRESH MATERIALIZED VIEW "public"."u""s"'),
        (MaintenanceOptions(command="checkpoint"), PG15, "CHECKPOINT"),
    ],
)
def test_statements(options: MaintenanceOptions, server: ServerFacts, text: str) -> None:
    """Each version gets the options that it has."""
    assert MAINTENANCE.statement(options, TABLE, server) == text


def test_m7_a_parent_is_analyzed_without_its_partitions_where_that_is_possible() -> None:
    """From version 18 on; before, ANALYZE of a parent does them again."""
    options = MaintenanceOptions(command="analyze")
    assert MAINTENANCE.statement(options, PARENT, PG17) == 'ANALYZE "public"."u""s"'
    assert MAINTENANCE.statement(options, PARENT, PG18) == 'ANALYZE ONLY "public"."u""s"'


def test_repairs() -> None:
    """An invalid index is built again, a leftover goes."""
    options = MaintenanceOptions(command="indexes")
    assert MAINTENANCE.statement(options, replace(TABLE, kind="invalid index"), PG15).startswith("REINDEX INDEX")
    assert MAINTENANCE.statement(options, replace(TABLE, kind="leftover"), PG15).startswith("DROP INDEX CONCURRENTLY")


def row(kind: str = "table", *, may: bool = True, possible: bool = True, pid: int | None = None) -> list[object]:
    """A row of the list of objects."""
    return [kind, "public", "t", "public.t", False, *NUMBERS, may, "own", "7", pid, possible]


def read(command: str, server: ServerFacts, made: list[object], **options: bool) -> ObjectFacts:
    """The object of one row."""
    [facts] = MAINTENANCE.read(MaintenanceOptions(command=command, **options), server, [made])  # type: ignore[arg-type]
    return facts


def test_numbers_of_an_object() -> None:
    """Shares are of rows and of pages; without an estimate the live rows count, and never is infinite."""
    facts = read("vacuum", PG15, row(pid=7))
    assert (facts.values["dead%"], facts.values["rows"], facts.values["bloat%"]) == (25.0, 150.0, 50.0)
    assert (facts.values["last_vacuum"], facts.values["last_analyze"]) == (60.0, math.inf)
    assert (facts.locked, facts.proof) == ("pid 7", "7")
    made = row()
    made[5:15], made[17] = [None] * 10, None
    facts = read("vacuum", PG15, made)
    assert {facts.values[name] for name in ("dead%", "bloat%", "rows", "size")} == {None}
    assert facts.proof is None


def test_the_role_of_a_superuser_is_never_granted() -> None:
    """A superuser runs the statement; MAINTAIN is enough since 17, but not to drop an index."""
    made = row(may=False)
    made[16] = ""
    run_it = "its owner has superuser rights; let a superuser run it"
    assert read("vacuum", PG15, made).missing == f'no right: {run_it}: VACUUM "public"."t"'
    assert read("vacuum", PG17, made).missing.startswith("no right: GRANT MAINTAIN ON TABLE")
    leftover = read("indexes", PG18, ["leftover", *made[1:]])
    assert leftover.missing == f'{run_it}: DROP INDEX CONCURRENTLY "public"."t"'


def test_an_invalid_index_is_rebuilt_by_who_may_maintain_its_table() -> None:
    """Since 17 without being its owner."""
    grant = 'no right: GRANT MAINTAIN ON TABLE "public"."t" TO "o""ps"'
    assert read("indexes", PG17, row("invalid index", may=False)).missing.startswith(grant)
    assert read("indexes", PG16, row("invalid index", may=False)).missing.startswith("only the owner may drop an index")


def test_names_of_parents_and_of_what_is_read_before() -> None:
    """The server gives them as arrays."""
    facts = read("refresh", PG15, [*row("materialized view"), ["public.p"], ["public.a", "public.b"]])
    assert (facts.parents, facts.object.after) == (("public.p",), ("public.a", "public.b"))
    assert (read("refresh", PG15, row()).parents, read("refresh", PG15, row()).object.after) == ((), ())


def test_what_cannot_be_done_concurrently() -> None:
    """An exclusion constraint needs another option; a view without a unique index is filled with a lock."""
    assert "--no-concurrently" in read("reindex", PG15, row("index", possible=False)).missing
    assert read("reindex", PG15, row("index", possible=False), concurrently=False).missing == ""
    view = read("refresh", PG15, row("materialized view"))
    assert "CONCURRENTLY" in MAINTENANCE.statement(MaintenanceOptions(command="refresh"), view.object, PG15)
    view = read("refresh", PG15, row("materialized view", possible=False))
    assert "CONCURRENTLY" not in MAINTENANCE.statement(MaintenanceOptions(command="refresh"), view.object, PG15)


def test_findings_that_need_a_person() -> None:
    """A duplicate is never dropped by itself; a leftover in another's table is named with its statement."""
    duplicate = read("indexes", PG15, [*row("duplicate index"), None, None, '"public"."other"'])
    assert "if no query names it" in duplicate.missing
    assert duplicate.note == 'the same as "public"."other"'
    whole = read("indexes", PG15, [*row("duplicate partitioned index"), None, None, "public.other"])
    assert whole.missing.endswith('run DROP INDEX "public"."t"'), "CONCURRENTLY is not possible"
    part = read("indexes", PG15, [*row("incomplete partitioned index"), None, None, "p_1, p_2"])
    assert part.missing.startswith("not valid, for p_1, p_2 have no valid index of it")
    assert part.note == ""
    part = read("indexes", PG15, [*row("incomplete partitioned index"), None, None, None])
    assert part.missing.endswith('run ALTER INDEX "public"."t" ATTACH PARTITION for one of them again')
    leftover = read("indexes", PG15, row("leftover", may=False))
    assert leftover.missing.endswith('DROP INDEX CONCURRENTLY "public"."t"')
    assert read("indexes", PG15, row("leftover")).missing == ""


@pytest.mark.parametrize(
    "notice",
    [
        Notice("WARNING", "01000", 'permission denied to vacuum "m1", skipping it'),
        Notice("WARNING", "01000", 'skipping "m1" --- only table or database owner can vacuum it'),
        Notice("WARNING", "55P03", 'skipping vacuum of "m2" --- lock not available'),
        Notice("WARNING", "0A000", 'cannot reindex invalid index "public.m4_pkey_ccnew" concurrently, skipping'),
        Notice(
            "WARNING", "XX002", 'cannot reindex invalid index "pg_toast.pg_toast_1_index_ccnew" concurrently, skipping'
        ),
        Notice("WARNING", "55000", 'skipping reindex of invalid index "public.m4_pkey_ccnew"'),
    ],
)
def test_m1_m2_m4_any_warning_means_not_done(notice: Notice) -> None:
    """Texts and states differ by version, so none is compared."""
    facts = ObjectFacts(TABLE)
    reply = CommandReply(notices=(Notice("NOTICE", "00000", "hello"), notice))
    assert MAINTENANCE.judge(MaintenanceOptions(command="vacuum"), facts, reply) == notice.message
    assert MAINTENANCE.judge(MaintenanceOptions(command="vacuum"), facts, CommandReply(notices=reply.notices[:1])) == ""


def test_the_proof_of_each_command() -> None:
    """Counters of VACUUM and ANALYZE, the file of what is written anew; nothing of a view and of the server."""
    prove = MAINTENANCE.prove
    name = replace(TABLE, name="it's\\")
    assert "pg_stat_get_vacuum_count" in prove(MaintenanceOptions(command="vacuum"), name)
    assert "E'it''s\\\\'" in prove(MaintenanceOptions(command="vacuum"), name)
    assert "pg_stat_get_analyze_count" in prove(MaintenanceOptions(command="analyze"), name)
    for options in (
        MaintenanceOptions(command="vacuum", full=True),
        MaintenanceOptions(command="reindex"),
        MaintenanceOptions(command="cluster"),
    ):
        assert "pg_relation_filenode" in prove(options, name)
    assert "indisvalid" in prove(MaintenanceOptions(command="indexes"), name)
    assert "indisvalid" not in prove(MaintenanceOptions(command="indexes"), replace(name, kind="leftover"))
    assert prove(MaintenanceOptions(command="refresh"), name) == ""
    assert prove(MaintenanceOptions(command="checkpoint"), replace(TABLE, kind="database")) == ""


@pytest.mark.parametrize(
    ("options", "silent"),
    [
        (MaintenanceOptions(command="vacuum"), False),
        (MaintenanceOptions(command="analyze"), False),
        (MaintenanceOptions(command="vacuum", full=True), True),
        (MaintenanceOptions(command="vacuum", skip_locked=True), True),
        (MaintenanceOptions(command="reindex"), False),
        (MaintenanceOptions(command="cluster"), True),
    ],
)
def test_m2_what_may_be_left_out_without_a_warning(options: MaintenanceOptions, silent: bool) -> None:
    """Then the catalog is asked for each object; a plain VACUUM of a named table, or a REINDEX of a named index, always says that it did nothing."""
    assert MAINTENANCE.may_be_silent(options) is silent


def test_the_age_of_the_database_is_computed_once() -> None:
    """By the last statement, since version 16; VACUUM FULL does it for each table."""
    assert MAINTENANCE.at_end(MaintenanceOptions(command="vacuum"), PG15) == ()
    assert MAINTENANCE.at_end(MaintenanceOptions(command="freeze"), PG16) == ("VACUUM (ONLY_DATABASE_STATS)",)
    assert MAINTENANCE.at_end(MaintenanceOptions(command="vacuum", full=True), PG16) == ()
    assert MAINTENANCE.at_end(MaintenanceOptions(command="analyze"), PG16) == ()


@pytest.mark.parametrize(
    ("options", "workers", "standby", "why"),
    [
        ({}, (2, 8), True, "the server is a standby, which cannot be maintained: name the primary"),
        ({"parallel": 2}, (2, 8), False, ""),
        (
            {"parallel": 3},
            (2, 8),
            False,
            "--parallel 3 is more than the 2 workers of the server (max_parallel_maintenance_workers)",
        ),
        (
            {"parallel": 9},
            (9, 8),
            False,
            "--parallel 9 is more than the 8 workers of the server (max_worker_processes)",
        ),
        ({"buffer_usage_limit": "1GB"}, (2, 8), False, "--buffer-usage-limit needs PostgreSQL 16 or newer"),
    ],
)
def test_options_that_do_not_fit_the_server(
    options: dict[str, int], workers: tuple[int, int], standby: bool, why: str
) -> None:
    """One line, before anything is sent."""
    wanted = MaintenanceOptions(command="vacuum", **options)  # type: ignore[arg-type]
    found = MAINTENANCE.refuse(wanted, [(*workers, standby)], PG15)
    assert found.startswith(why)
    assert bool(found) == bool(why)


def test_several_tables_in_one_command() -> None:
    """From 15 on, when the counters of a table have changed at the end of its own transaction."""
    at_15 = ServerFacts(version=150000)
    vacuum, both = (
        MaintenanceOptions(command="vacuum"),
        MaintenanceOptions(command="vacuum", analyze=True, skip_locked=True),
    )
    assert MAINTENANCE.together(vacuum, at_15) > 1
    assert MAINTENANCE.together(vacuum, ServerFacts(version=140000)) == 1
    assert MAINTENANCE.together(both, at_15) == 1
    assert MAINTENANCE.late(both)
    assert MAINTENANCE.together(MaintenanceOptions(command="vacuum", full=True), at_15) == 1
    assert MAINTENANCE.together(MaintenanceOptions(command="reindex"), at_15) == 1
    blocking = MaintenanceOptions(command="reindex", concurrently=False)
    concurrently = MaintenanceOptions(command="reindex")
    assert (MAINTENANCE.in_one_transaction(blocking), MAINTENANCE.in_one_transaction(concurrently)) == (16, 1)
    objects = [MaintainedObject("table", "s", "a'b", "s.a'b"), MaintainedObject("table", "s", "c\\", "s.c\\")]
    text = MAINTENANCE.statement_of_all(vacuum, objects, at_15)
    assert text == 'VACUUM "s"."a\'b", "s"."c\\"'
    text = MAINTENANCE.statement_of_all(blocking, objects, at_15)
    assert text == 'REINDEX INDEX "s"."a\'b"; REINDEX INDEX "s"."c\\"'
    asked = MAINTENANCE.prove_all(vacuum, objects)
    assert "unnest(ARRAY[E's', E's']::name[], ARRAY[E'a''b', E'c\\\\']::name[])" in asked
    assert "ARRAY[E'\"s\".\"a''b\"'," in MAINTENANCE.sizes(vacuum, objects)
    assert "WHERE n.nspname = E's' AND" in MAINTENANCE.prove(vacuum, objects[0])
    proven = [replace(one, proof=f"3/{16384 + n}/a1b2c3") for n, one in enumerate(objects)]
    assert "unnest('{16384,16385}'::oid[])" in MAINTENANCE.sizes(vacuum, proven)
    assert "'{16384,16385}'::oid[]" in MAINTENANCE.prove_all(vacuum, proven)
    assert "WHERE c.oid = 16384" in MAINTENANCE.prove(vacuum, proven[0])
    assert "oid[]" not in MAINTENANCE.prove_all(concurrently, proven)  # a rebuild gives the index another oid
    assert "to_regclass" in MAINTENANCE.sizes(vacuum, [proven[0], replace(proven[1], proof="3")])
    assert "to_regclass(E'\"s\".\"a''b\"')" in MAINTENANCE.present(objects[0])
    assert "reltoastrelid" in asked
    assert "analyze_time" in MAINTENANCE.prove_all(MaintenanceOptions(command="vacuum", analyze=True), objects)
    for options in (MaintenanceOptions(command="analyze"), MaintenanceOptions(command="vacuum", full=True)):
        assert "reltoastrelid" not in MAINTENANCE.prove_all(options, objects)
