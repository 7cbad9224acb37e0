"""Which names of a statement are looked up in the search path."""

from __future__ import annotations

import pytest

from bulkq.query.unqualified_names import find_references


@pytest.mark.parametrize(
    ("text", "relations"),
    [
        ("select b.x from T as a join s.u on true", ("select", "from", "t", "as", "a", "join", "on", "true")),
        ('insert into "My "" T"(a) values (1)', ("insert", "into", 'My " T', "a", "values")),
        ("select * from foo$bar where b = 'c' and 12 < 13", ("select", "from", "foo$bar", "where", "b", "and")),
        ("table ünder", ("table", "ünder")),
    ],
)
def test_every_word_that_may_be_a_table(text: str, relations: tuple[str, ...]) -> None:
    """Folded as PostgreSQL folds it; not what has a schema, or is the schema or the alias of something."""
    assert find_references(text, text.split(maxsplit=1)[0].upper(), "postgres").relations == relations


def test_functions() -> None:
    """What stands before a parenthesis, without a schema."""
    found = find_references('select f(1), s.g(2), "H"(3) from t(4) where x in (5)', "SELECT", "postgres")
    assert found.functions == ("f", "H", "t", "in")
    assert found.analyzed


@pytest.mark.parametrize(
    ("text", "literals"),
    [
        ("select nextval('Orders_id_seq'), setval('\"Big\"', 1)", ("orders_id_seq", "Big")),
        ("select 'a'::regclass, regclass 'b', 'c'::text, nextval('s.d'), nextval(E'e'), lower('f')", ("a", "b")),
        ("select 'nextval' , 'x'", ()),
    ],
)
def test_names_in_strings(text: str, literals: tuple[str, ...]) -> None:
    """Only where PostgreSQL looks them up while it prepares the statement."""
    assert find_references(text, "SELECT", "postgres").literals == literals


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("truncate t, u", {"t", "u"}, set()),
        ("comment on column t.c is 'x'", {"t"}, {"c"}),
        ("create table if not exists t (account int references u (id), like v)", {"u", "v"}, {"t", "account", "id"}),
        ("create table t (a int) inherits (u, v)", {"u", "v"}, {"t", "a"}),
        ("create table t partition of u default", {"u"}, {"t"}),
        ("create table t as select a from u", {"u", "a"}, {"t"}),
        ("create unique index i on t (a)", {"t"}, {"i"}),
        ("create index on t (a)", {"t"}, set()),
        ("create or replace view v as select * from t", {"t"}, {"v"}),
        ("alter table t add column account int", {"t"}, {"account"}),
        ("alter table t rename a to b", {"t"}, {"b"}),
        ("create", set(), {"create"}),
    ],
)
def test_statements_that_are_not_analyzed(text: str, inside: set[str], outside: set[str]) -> None:
    """New names and new columns lead nowhere; everything else may."""
    found = find_references(text, text.split(maxsplit=1)[0].upper(), "postgres")
    assert not found.analyzed
    assert inside <= set(found.relations)
    assert outside & set(found.relations) == set()
