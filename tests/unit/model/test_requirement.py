"""The kinds of requirements."""

from __future__ import annotations

from bulkq.model.requirement import NAMED, RequirementKind


def test_what_has_a_name_is_asked_for() -> None:
    """A product and a state are known from the connection; everything else has a name, by which the database is asked."""
    known = {RequirementKind.PRODUCT, RequirementKind.PRIMARY, RequirementKind.STANDBY}
    assert set(NAMED) == set(RequirementKind) - known
