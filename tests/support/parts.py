"""Definitions of a part that reads and of one that writes."""

from __future__ import annotations

from dataclasses import replace

from bulkq.model import Claims, Decoding, Limits, MarkerTables, PartSpec
from bulkq.query import inline

TABLES = MarkerTables("runs", "markers")

READ = PartSpec(
    query=inline("-- @param t ident\nselect * from :{t} where id = :id"),
    target="shop",
    decoding=Decoding.TEXT,
    typed=False,
    limits=Limits(),
    retries=5,
)

WRITE = replace(READ, number=3, limits=Limits(read_only=False, ordered=False), claims=Claims("r1", "me", TABLES))

SETS = [("a", 1), ("a", 2), ("a", 3)]
