"""PostgreSQL's types: object ids of the built-in ones, and what the catalog says of a type."""

from __future__ import annotations

from bulkq.model.frozen_dataclass import frozen

BOOL, BYTEA, INT8, INT2, INT4, TEXT, OID, JSON, XML = 16, 17, 20, 21, 23, 25, 26, 114, 142
FLOAT4, FLOAT8, BPCHAR, VARCHAR, NAME, NUMERIC, JSONB = 700, 701, 1042, 1043, 19, 1700, 3802
DATE, TIME, TIMESTAMP, TIMESTAMPTZ, TIMETZ = 1082, 1083, 1114, 1184, 1266
CIDR, INET = 650, 869
TEXT_ARRAY, ANYARRAY = 1009, 2277
INTEGERS = frozenset({INT2, INT4, INT8, OID, 28, 29, 3220, 3904, 3926, 4451, 4536, 5069})
"""Types whose values are sent as integers: also xid, cid, pg_lsn, ranges and multiranges, xid8."""

INTEGER_ARRAYS = frozenset({1005, 1007, 1016, 1028, 1011, 1012, 3221, 3905, 3927, 6150, 6157, 271})
NUMERICS = frozenset({NUMERIC, 1231, 3906, 3907, 4532, 6151})
"""numeric, its range and multirange, and arrays of these."""

# Object ids of built-in types never change (src/include/catalog/pg_type.dat).


@frozen
class PgType:
    """A type as the server describes it."""

    oid: int
    name: str  # for people: `bigint`, `timestamp with time zone`, `public.mood`
    cast: str  # for SQL, qualified and quoted: `pg_catalog.int8`
    element: int  # oid of an array's elements, of a domain its base type; 0 for everything else
    delimiter: str  # between the elements of an array
    own_text: bool  # a cast of an element to text is not the type's output function
