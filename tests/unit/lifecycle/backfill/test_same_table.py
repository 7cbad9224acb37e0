"""What a resume compares with the table that its run began with."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import RefusedError
from bulkq.lifecycle.backfill.same_table import refuse_other_table
from bulkq.model.key_range import KeyColumn, TableFacts, TableKey
from bulkq.model.run import BackfillOptions

if TYPE_CHECKING:
    from bulkq.engine.part_state import PartState

FACTS = TableFacts(TableKey("public.t", (KeyColumn("id", "integer"),)), identity="oid 5", order="id integer")


def refuse(options: BackfillOptions) -> None:
    """Compare the first part of a run with `FACTS`."""
    part: PartState = SimpleNamespace(spec=SimpleNamespace(number=1, target="db"))  # type: ignore[assignment]
    refuse_other_table(options, part, FACTS, "postgres")


def test_another_table_or_order() -> None:
    """Nothing is compared in a new run; wider integers have the same order."""
    options = BackfillOptions(over="t")
    refuse(options)
    refuse(replace(options, tables=("public.t (id)",), identities=("oid 5; id bigint",)))
    with pytest.raises(RefusedError, match=r"db: the run began with a\.t \(id\), and t is public\.t \(id\) now"):
        refuse(replace(options, tables=("a.t (id)",)))
    with pytest.raises(
        RefusedError, match=r"was replaced by another table, .* \(oid 4; id integer, now oid 5; id integer\)"
    ):
        refuse(replace(options, tables=("public.t (id)",), identities=("oid 4; id integer",)))
