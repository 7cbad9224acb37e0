"""The defaults of a database's maintenance."""

from __future__ import annotations

from bulkq.dialects.maintenance_catalog import MaintenanceCatalog, ServerFacts, database_object
from bulkq.dialects.sqlite_maintenance import judge, object_query, read, statement
from bulkq.model.maintenance import CommandReply, MaintenanceOptions

OPTIONS = MaintenanceOptions(command="vacuum")


def test_what_a_database_leaves_out() -> None:
    """Nothing proves, nothing follows, nothing is left behind, and no option is refused."""
    made = MaintenanceCatalog(commands={}, objects=object_query, read=read, statement=statement, judge=judge)
    assert made.prove(OPTIONS, database_object("main")) == ""
    assert made.may_be_silent(OPTIONS)
    assert not made.late(OPTIONS)
    assert made.at_end(OPTIONS, ServerFacts()) == ()
    assert made.refuse(OPTIONS, (), ServerFacts()) == ""
    assert made.read_leftovers((), ServerFacts()) == ()
    assert not made.failed(OPTIONS, CommandReply())
    assert made.read_invalid(()) == ()
    assert made.together(OPTIONS, ServerFacts()) == made.in_one_transaction(OPTIONS) == 1
    assert made.statement_of_all(OPTIONS, (), ServerFacts()) == made.prove_all(OPTIONS, ()) == ""
