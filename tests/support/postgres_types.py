"""Types of PostgreSQL with values that are hard to print, for tests that compare what drivers make of them."""

from __future__ import annotations

LITERALS = {
    "bool": ("true", "false"),
    "bytea": (r"\x00ff", ""),
    '"char"': ("a", ""),
    "name": ("a b",),
    "int8": ("9223372036854775807", "-1"),
    "int2": ("-32768",),
    "int2vector": ("1 2 3",),
    "int4": ("0", "2147483647"),
    "regproc": ("now",),
    "text": ("", 'a "b" \\ ,{}\nc', "NULL", "é😀\x7f\t"),
    "oid": ("4294967295",),
    "tid": ("(1,2)",),
    "xid": ("7",),
    "cid": ("7",),
    "oidvector": ("1 2",),
    "json": ('{"a" : [1,\n2.50]}',),
    "xid8": ("18446744073709551615",),
    "point": ("(1,2.5)",),
    "lseg": ("[(1,2),(3,4)]",),
    "path": ("((1,2),(3,4))",),
    "box": ("(3,4),(1,2)",),
    "polygon": ("((1,2),(3,4))",),
    "line": ("{1,2,3}",),
    "float4": ("1.1", "NaN", "-Infinity", "1e20", "-0"),
    "float8": ("1.1", "NaN", "Infinity", "1e300", "12345678901234567", "-0"),
    "money": ("12.34", "-1"),
    "macaddr": ("08:00:2b:01:02:03",),
    "inet": ("10.0.0.1", "10.0.0.0/8", "::1"),
    "cidr": ("10.0.0.0/8", "10.0.0.1/32"),
    "macaddr8": ("08:00:2b:01:02:03:04:05",),
    "aclitem": ("=r/postgres",),
    "char(5)": ("ab", ""),
    "varchar": ("ab ",),
    "date": ("2026-02-28", "infinity", "-infinity", "0044-03-15 BC", "12026-01-01"),
    "time": ("24:00", "13:05:10.25"),
    "timestamp": ("2026-02-28 13:05:10.250", "infinity", "-infinity", "0044-03-15 10:00 BC", "12026-01-01"),
    "timestamptz": ("2026-02-28 13:05:10.25+01", "infinity", "-infinity", "0044-03-15 10:00+00 BC", "12026-01-01"),
    "interval": ("1 year", "1 mon", "-1 mon 2 days -03:00:00.5", "365 days", "0"),
    "timetz": ("24:00+00", "13:05:10.25+05:30"),
    "bit(3)": ("101",),
    "varbit": ("10",),
    "numeric": ("1.50", "NaN", "Infinity", "-0.0000000000000000001"),
    "uuid": ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",),
    "pg_lsn": ("16/B374D848",),
    "tsvector": ("'a':1 'b c':2",),
    "tsquery": ("'a' & 'b'",),
    "jsonb": ('{"n": 1234567890.123456789010}', "[1]"),
    "txid_snapshot": ("10:20:10,14",),
    "pg_snapshot": ("10:20:10,14",),
    "int4range": ("[1,5)", "empty", "(,)"),
    "numrange": ("[1.5,2.50)",),
    "tsrange": ('["2026-01-01 00:00:00",infinity)',),
    "tstzrange": ('["2026-01-01 00:00:00+00",)',),
    "daterange": ("[2026-01-01,infinity)",),
    "int8range": ("[1,2)",),
    "int4multirange": ("{[1,2),[5,7)}",),
    "datemultirange": ("{[2026-01-01,infinity)}",),
    "jsonpath": ('$."a"',),
    "regclass": ("pg_class",),
    "regtype": ("integer",),
    "mood": ("fine", "not so"),
    "pair": ("(1,infinity)",),
    "small": ("7",),
    "never": ("infinity",),
    "padded": ("a b",),
    "sure": ("t", "f"),
    "amount": ("1.50",),
    "words": ('{"a,b",NULL}',),
    "shout": ("loud",),
    "nested": (r'("(1,2026-01-01)","a ""b"" \\ ,",t)',),
    "floats": ("[1.5,2.25)",),
    "xml": ('<?xml version="1.0"?><a b="c">d</a>',),
    "hstore": ('"a"=>"1", "b c"=>NULL',),
    "citext": ("aB",),
    "ltree": ("a.b",),
}
"""Of every type that a column of PostgreSQL may have, and of types that users make."""

OWN = (
    "create type mood as enum ('fine', 'not so')",
    "create type pair as (a int, b date)",
    "create domain small as int",
    "create domain never as date",
    "create domain padded as char(5)",
    "create domain sure as bool",
    "create domain amount as numeric(10, 2)",
    "create domain words as text[]",
    "create type shout as enum ('loud')",
    "create function shouted(shout) returns text language sql immutable as $$ select 'LOUD' $$",
    "create cast (shout as text) with function shouted(shout)",
    "create type nested as (p pair, t text, b bool)",
    "create type floats as range (subtype = float8)",
)
"""What creates the types that users make; a cast to text that prints something else is one of them."""

OPTIONAL = {"xml": "select xmlparse(content '<a/>')"} | {
    name: f"create extension if not exists {name}" for name in ("hstore", "citext", "ltree")
}
"""What shows whether the server has a type, for those that are not in every build."""


def quoted(text: str) -> str:
    """An SQL string."""
    return "'" + text.replace("'", "''") + "'"


WITHOUT_INPUT = {
    "record": (
        "row(1, 'a \"b\" \\ ,', null, '', 1.1::float4, date 'infinity', array['x y'])",
        "array[row(1, 'a b'), row(2, null)]",
        "(select r from (values (1, interval '1 mon')) as r)",
    ),
    "void": ("pg_sleep(0)", "null::void"),
    "anyarray": (
        "(select most_common_vals from pg_stats where most_common_vals is not null order by tablename, attname limit 1)",
    ),
}
"""Expressions of types that no literal can be cast to."""


def values_of(kind: str) -> tuple[str, ...]:
    """Expressions of a type: its values, NULL, and arrays of them: flat, nested, with bounds of their own, empty."""
    if kind in WITHOUT_INPUT:
        return WITHOUT_INPUT[kind]
    single = [f"{quoted(text)}::{kind}" for text in LITERALS[kind]]
    items = f"array[{', '.join(single)}, null]::{kind}[]"
    nested = f"array[array[{single[0]}, null], array[{single[-1]}, {single[0]}]]::{kind}[]"
    return (
        *single,
        f"null::{kind}",
        items,
        nested,
        f"array_fill({single[0]}, array[2], array[5])",
        f"'{{}}'::{kind}[]",
    )
