"""URLs that lead to the same database from other environments."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from bulkq.drivers.libpq import resolve_parameters
from bulkq.drivers.libpq.portable_url import other_settings, write_environment
from bulkq.model import Setting

if TYPE_CHECKING:
    import pytest

ELSEWHERE = {"PGHOST": "other", "PGPORT": "1", "PGUSER": "x", "PGDATABASE": "x", "PGSSLMODE": "disable"}


def values(url: str) -> dict[str, str]:
    """What a process with another environment makes of it."""
    return {name: one.value for name, one in resolve_parameters(url, ELSEWHERE).items()}


def test_what_the_environment_adds_stands_in_the_url() -> None:
    """Secrets and files do not; defaults do, for another environment could give others."""
    here = {"PGHOST": "/run/pg", "PGPASSWORD": "pw", "PGSSLCERT": "f", "PGOPTIONS": "-c a.b=1", "PGTZ": "UTC"}
    made = write_environment("postgresql://me@/?sslmode=prefer", here)
    assert "pw" not in made
    assert values(made) == {
        "host": "/run/pg",
        "port": "5432",
        "user": "me",
        "dbname": "me",
        "sslmode": "prefer",
        "options": "-c a.b=1 -c timezone=UTC",
    }


def test_a_service_is_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Its file is read by each process; what it gives is no default."""
    path = tmp_path_factory.mktemp("s") / "services"
    path.write_text("[shop]\nhost=h\nport=7\nuser=u\ndbname=d\npassword=pw\n")
    here = {"PGSERVICE": "shop", "PGSERVICEFILE": str(path)}
    assert write_environment("postgresql://", here) == "postgresql://?service=shop"
    assert write_environment("postgresql://u@h:7/d", {}) == "postgresql://u@h:7/d"


def test_an_account_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server says what is missing."""

    def fail() -> str:
        raise KeyError

    monkeypatch.setattr(getpass, "getuser", fail)
    assert write_environment("postgresql://h/d#x", {}) == "postgresql://h/d?port=5432"


def test_settings_of_another_environment_are_named() -> None:
    """Those that are the same here are no difference."""
    found = [Setting("timezone", "CET", "PGTZ"), Setting("a.b", "1", "PGOPTIONS")]
    assert other_settings("postgresql://h?options=-c%20a.b=1", {}, found) == "timezone=CET (PGTZ)"
    assert other_settings("postgresql://h", {"PGTZ": "CET", "PGOPTIONS": "-c a.b=1"}, found) == ""
