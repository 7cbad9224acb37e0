"""Every type of PostgreSQL as an Arrow column: its values come back as they were, or the run stops and names the value."""

from __future__ import annotations

import pytest

import bulkq
from bulkq.columnar.columns_to_parameters import values_of
from tests.support.postgres_types import LITERALS, OPTIONAL, OWN, quoted

BUILT_IN = sorted(
    set(LITERALS)
    - set(OPTIONAL)
    - {"mood", "pair", "small", "never", "padded", "sure", "amount", "words", "shout", "nested", "floats"}
)
LOUD = {
    "date": {"infinity", "-infinity", "0044-03-15 BC", "12026-01-01"},
    "time": {"24:00"},
    "timestamp": {"infinity", "-infinity", "0044-03-15 10:00 BC", "12026-01-01"},
    "timestamptz": {"infinity", "-infinity", "0044-03-15 10:00+00 BC", "12026-01-01"},
}
"""What Arrow's types cannot hold."""

assert OWN


@pytest.mark.parametrize("kind", BUILT_IN)
async def test_every_type(kind: str, postgres_url: str) -> None:
    """The text that a parameter would get for the value in the batch is the same value for the server."""
    async with bulkq.open(postgres_url, concurrency=1) as db:
        for text in LITERALS[kind]:
            for wanted in (f"{quoted(text)}::{kind}", f"null::{kind}"):
                rows = db.arrow(f"select {wanted} as v")
                if text in LOUD.get(kind, ()) and not wanted.startswith("null"):
                    with pytest.raises(bulkq.StoppedError, match='column "v"'):
                        _ = [batch async for batch in rows]
                    continue
                (batch,) = [batch async for batch in rows]
                (found,) = values_of(batch.column(0), text=True)
                again = "null" if found is None else quoted(str(found))
                check = f"select ({again}::{kind})::text is not distinct from ({wanted})::text as same"
                assert [row.same async for row in db.run(check)] == [True], (text, found)
