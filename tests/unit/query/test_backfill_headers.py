"""The keys of a query that say how to backfill a table."""

from __future__ import annotations

from bulkq.query import load
from bulkq.query.backfill_headers import BackfillHeader, backfill_header
from tests.support.query_files import errors


def test_header_of_a_backfill() -> None:
    """Every key reaches its field, and stays raw in the metadata."""
    (query,) = load(
        '-- @over public."Users"\n-- @key Tenant, "ID"\n-- @where phone is null -- yet\n-- @batch 500\n-- @capture True\n'
        "-- @verify select 1 from users where phone is null;\n-- @verify select 2\n-- @map geo.places:add_country\n"
        "-- @select select id from users where :range\nupdate users set a = 1 where :range",
        "a.sql",
    )
    assert backfill_header(query, "postgresql") == BackfillHeader(
        over='public."Users"',
        key=("tenant", "ID"),
        where="phone is null -- yet",
        verify=("select 1 from users where phone is null;", "select 2"),
        select="select id from users where :range",
        map="geo.places:add_country",
        capture=True,
    )
    assert (query.batch, query.metadata["key"]) == (500, ('Tenant, "ID"',))


def test_header_that_says_nothing() -> None:
    """A query without these keys leaves everything to the options."""
    (query,) = load("delete from t where :range", "a.sql")
    assert backfill_header(query, "postgresql") == BackfillHeader()


def test_wrong_values() -> None:
    """Each is refused at its line, with what to write."""
    text = (
        "-- @over users u\n-- @key a b\n-- @where order by 1\n-- @verify delete from x\n-- @verify select 1; select 2\n"
        "-- @verify 'x\n-- @verify ;\n-- @capture yes\n-- @map geo\n-- @select select id from users\n-- @selct x\n"
        "update users set a = 1 where :range"
    )
    assert errors(text, "u.sql") == [
        'u.sql:1: @over "users u" is not the name of a table: write it like "public.users"',
        'u.sql:2: @key "a b" does not name columns: write them like "tenant_id, id"',
        'u.sql:3: @where "order by 1" is not a condition, because of ORDER: write a condition such as "phone is null"',
        'u.sql:4: @verify "delete from x" is not one SELECT: write the whole statement on this line',
        'u.sql:5: @verify "select 1; select 2" is not one SELECT: write the whole statement on this line',
        'u.sql:6: @verify "\'x" is not one SELECT: write the whole statement on this line',
        'u.sql:7: @verify ";" is not one SELECT: write the whole statement on this line',
        'u.sql:8: @capture "yes" is not true or false',
        'u.sql:9: @map "geo" is not a function: write MODULE:FUNCTION, such as "geo:add_country"',
        'u.sql:10: @select "select id from users" does not say where the range of the key goes: write "WHERE :range"',
        "u.sql:11: unknown key @selct (did you mean @select?)",
    ]


def test_wrong_keys() -> None:
    """A key has names with commas between them, each once."""
    assert errors("-- @key a, a\nselect 1") == ['users.sql:1: @key "a, a" names a column twice: keep one']
    assert errors("-- @key a; b\nselect 1")[0].startswith('users.sql:1: @key "a; b" does not name columns')
    assert errors("-- @key 'a'\nselect 1")[0].startswith("users.sql:1: @key \"'a'\" does not name columns")
    assert errors("-- @over a,\nselect 1")[0].startswith('users.sql:1: @over "a," is not the name of a table')
