"""Messages that a server sends beside an answer."""

from __future__ import annotations

from types import SimpleNamespace

from bulkq.drivers.asyncpg.execute_command import notice_of
from bulkq.model.maintenance import Notice


def test_the_severity_is_in_english() -> None:
    """Whatever the language of the server is; versions before 9.6 have only one."""
    told = SimpleNamespace(severity="WARNUNG", severity_en="WARNING", sqlstate="01000", message="no", detail=None)
    assert notice_of(told) == Notice("WARNING", "01000", "no")
    told = SimpleNamespace(severity="WARNING", sqlstate="01000", message="no", detail="why")
    assert notice_of(told) == Notice("WARNING", "01000", "no (why)")
