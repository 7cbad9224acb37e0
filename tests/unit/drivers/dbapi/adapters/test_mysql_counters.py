"""What the counters of a session say of a procedure."""

from __future__ import annotations

import pytest

from bulkq.drivers.dbapi.adapters.mysql_counters import wrote_nothing

BEFORE = {"Com_call_procedure": 3, "Com_update": 5, "Com_commit": 1, "Handler_update": 7, "Handler_read_key": 2}


@pytest.mark.parametrize(
    ("grown", "expected"),
    [
        (("Com_call_procedure", "Com_update", "Handler_read_key"), True),
        (("Com_call_procedure", "Com_update", "Handler_update"), False),
        (("Com_call_procedure", "Com_commit"), False),
        (("Com_call_procedure", "Com_create_table"), False),
    ],
)
def test_nothing_was_written(grown: tuple[str, ...], expected: bool) -> None:
    """Only if no row was written, nothing was committed and no other statement was executed."""
    after = {**BEFORE, **{name: BEFORE.get(name, 0) + 1 for name in grown}}
    assert wrote_nothing(BEFORE, after) is expected
