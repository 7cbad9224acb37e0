"""Rights for the maintenance of PostgreSQL, and the advice to a role that lacks one."""

from __future__ import annotations

import pytest

from bulkq.dialects.maintenance_catalog import ServerFacts
from bulkq.dialects.postgresql_maintenance_rights import advise_grant, advise_grant_to_drop, may_maintain
from bulkq.model.maintenance import MaintainedObject

PG14, PG16, PG17 = (ServerFacts(version=version, role='o"ps') for version in (140000, 160000, 170000))
TABLE = MaintainedObject("table", "public", "t", "public.t")
SUPERUSER = "its owner has superuser rights; let a superuser run it"


def test_a_right_by_command_and_version() -> None:
    """MAINTAIN since 17, the owner before; the owner of the database may vacuum and analyze."""
    assert "'MAINTAIN'" in may_maintain("reindex", PG17)
    assert "'MAINTAIN'" not in may_maintain("reindex", PG16)
    assert "datdba" in may_maintain("vacuum", PG16)
    assert "datdba" not in may_maintain("reindex", PG16)


@pytest.mark.parametrize(
    ("command", "server", "advice"),
    [
        ("vacuum", PG16, 'only the owner may: GRANT "own" TO "o""ps"'),
        ("vacuum", PG17, 'GRANT MAINTAIN ON TABLE "public"."t" TO "o""ps", or GRANT pg_maintain TO "o""ps"'),
        ("checkpoint", PG16, 'GRANT pg_checkpoint TO "o""ps"'),
        ("checkpoint", PG14, "only a superuser may"),
    ],
)
def test_a_missing_right_is_named_with_its_grant(command: str, server: ServerFacts, advice: str) -> None:
    """By version: MAINTAIN exists since 17."""
    assert advise_grant(command, TABLE, "own", server, "VACUUM") == f"no right: {advice}"


def test_names_with_a_point_are_quoted_apart() -> None:
    """A schema, too."""
    index = MaintainedObject("index", "a.b", "t_pkey", "a.b.t")
    assert 'ON TABLE "a.b"."t" TO' in advise_grant("reindex", index, "own", PG17, "REINDEX")


def test_the_role_of_a_superuser_is_never_granted() -> None:
    """A superuser runs the statement; MAINTAIN is enough since 17, but not to drop an index."""
    assert advise_grant("vacuum", TABLE, "", PG16, "VACUUM t") == f"no right: {SUPERUSER}: VACUUM t"
    assert advise_grant("vacuum", TABLE, "", PG17, "VACUUM t").startswith("no right: GRANT MAINTAIN ON TABLE")
    assert advise_grant_to_drop("public", "", PG17) == SUPERUSER


def test_the_right_to_drop_an_index() -> None:
    """The owner may, but not in pg_toast."""
    assert 'GRANT "own" TO "o""ps", or connect as own' in advise_grant_to_drop("public", "own", PG17)
    assert advise_grant_to_drop("pg_toast", "own", PG17) == "only a superuser may drop an index in pg_toast"
