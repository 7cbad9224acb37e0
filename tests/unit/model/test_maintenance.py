"""Objects of maintenance."""

from __future__ import annotations

from bulkq.model.maintenance import MaintainedObject


def test_an_object_is_shown_with_its_schema() -> None:
    """Where there are schemas."""
    assert MaintainedObject("table", "public", "users").shown == "public.users"
    assert MaintainedObject("table", "", "users").shown == "users"
