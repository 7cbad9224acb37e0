"""What mysql is asked."""

from __future__ import annotations

from bulkq.dialects.mysql_requirements import REQUIREMENTS


def test_privileges_are_those_of_the_user() -> None:
    """`CURRENT_USER()` has no quotes, the grantee of the catalog has."""
    assert REQUIREMENTS.privilege is not None
    assert "CURRENT_USER()" in REQUIREMENTS.privilege.sql
    assert REQUIREMENTS.role is None
