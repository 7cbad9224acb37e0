"""Where types have integers. What the server says of types is in `tests/integration/asyncpg/test_values.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from asyncpg import Range

from bulkq.drivers.asyncpg.integer_fields import IntegerFields, find_integer_fields

if TYPE_CHECKING:
    from bulkq.drivers.asyncpg.extended_connection import AsyncpgSession

INT4, FLOAT8, INT8_ARRAY = 23, 701, 1016
PLACE, PLACES, SPOT, SPAN, LABEL = 20_001, 20_002, 20_003, 20_004, 20_005


class Session:
    """Answers with the types below some of a user's own."""

    async def fetch(self, _sql: str, _oids: list[int]) -> list[tuple[int, str, list[int]]]:
        return [
            (PLACE, "fields", [INT4, FLOAT8, INT8_ARRAY]),
            (PLACES, "items", [PLACE]),
            (SPOT, "domain", [PLACE]),
            (SPAN, "items", [INT4]),
            (LABEL, "fields", [FLOAT8]),
        ]


async def test_fractions_are_found_in_fields_and_items() -> None:
    """Fields that are no integers keep theirs; a type without integers is left out; what is no record is left to asyncpg."""
    found = await find_integer_fields(cast("AsyncpgSession", Session()), [PLACE, PLACES, SPOT, SPAN, LABEL])
    whole = IntegerFields()
    place = IntegerFields(fields=(whole, None, whole))
    assert found == {PLACE: place, PLACES: IntegerFields(items=(place,)), SPOT: place, SPAN: IntegerFields((whole,))}
    exact, cut = (1, 2.5, [3]), (1, 2.5, [3.5])
    for oid, value, wanted in (
        (PLACE, exact, False),
        (SPOT, cut, True),
        (PLACE, 5, False),
        (PLACE, "(1,2,{3})", False),
        (PLACES, [exact, None], False),
        (PLACES, [[exact], [cut]], True),
        (PLACES, (exact, cut), True),
        (SPAN, Range(1, 2.5), True),
        (SPAN, Range(1, None), False),
    ):
        assert found[oid].cuts_argument(value) is wanted
