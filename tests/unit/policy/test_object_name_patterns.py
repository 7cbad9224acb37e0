"""The names of `--table`, `--schema` and `--exclude`."""

from __future__ import annotations

import pytest

from bulkq.model.maintenance import MaintainedObject, ObjectFacts
from bulkq.policy.object_name_patterns import matches_name, matches_schema

INDEX = ObjectFacts(MaintainedObject("index", "public", "users_pkey", "public.users"))
PARTITION = ObjectFacts(MaintainedObject("table", "y26", "p_1", "y26.p_1"), parents=("y26.p_half", "public.p"))
ODD = ObjectFacts(MaintainedObject("table", "a b", 'x.*"', 'a b.x.*"'))
FILE = ObjectFacts(MaintainedObject("table", "", "t", "t"))


@pytest.mark.parametrize(
    ("facts", "means", "does_not"),
    [
        (
            INDEX,
            (
                "users_pkey",
                "public.users_pkey",
                "users",
                "public.users",
                "user*",
                "public.*",
                '"users"',
                'public."users"',
            ),
            ("orders", '"user*"', '"public.users"', '"users".public', 'other."users"'),
        ),
        (PARTITION, ("p", "public.p", '"public"."p"', '"p"', "p_half", "p_1", "y26.*"), ("y26.p", "public.p_1")),
        (ODD, ('a b.x.*"', '"a b"."x.*"""', '"x.*"""', '"a b".x*'), ('"a b"."x"', '"a b"."x."', '"a b".y*')),
        (FILE, ("t", '"t"', "*"), ('"T"', "x.t")),
    ],
)
def test_names_and_patterns(facts: ObjectFacts, means: tuple[str, ...], does_not: tuple[str, ...]) -> None:
    """A name means an object with or without its schema, its table, or a partitioned table above it."""
    assert [pattern for pattern in means if not matches_name(pattern, facts)] == []
    assert [pattern for pattern in does_not if matches_name(pattern, facts)] == []


def test_schemas() -> None:
    """What stands in quotation marks is no pattern."""
    assert matches_schema("pub*", "public")
    assert matches_schema('"a b"', "a b")
    assert not matches_schema('"pub*"', "public")
