"""What postgresql is asked."""

from __future__ import annotations

from bulkq.dialects.postgresql_requirements import REQUIREMENTS


def test_an_extension_must_be_found_by_name() -> None:
    """One outside the search path is there and cannot be used."""
    assert REQUIREMENTS.extension is not None
    assert "current_schemas(true)" in REQUIREMENTS.extension.sql
    assert REQUIREMENTS.privilege is None
