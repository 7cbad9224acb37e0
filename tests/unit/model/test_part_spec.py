"""A part's definition can be sent to another process."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace

from bulkq.query import inline
from tests.support.parts import READ, WRITE


def test_a_spec_can_be_sent_to_another_process() -> None:
    """It is equal to its copy, and holds nothing that can be called."""
    again = pickle.loads(pickle.dumps(WRITE))
    assert again == WRITE
    assert not any(callable(getattr(WRITE, field.name)) for field in fields(WRITE))


def test_identifiers_are_found_by_their_place() -> None:
    """The parameters that stand for names are those of `:{name}`."""
    assert READ.identifiers == (0,)
    assert replace(READ, query=inline("select :a")).identifiers == ()
