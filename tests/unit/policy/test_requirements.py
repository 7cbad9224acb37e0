"""Whether a database meets what a query requires."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bulkq.model import Server
from bulkq.model.requirement import RequirementKind as Kind
from bulkq.policy.requirements import choose_variants, find_unmet, fits
from bulkq.query.requirement_headers import parse_requirements

SERVER = Server("postgresql", "16.4 (Debian 16.4-1)", 160004, user="anna")
FOUND = {
    (Kind.EXTENSION, "there"): None,
    (Kind.EXTENSION, "hidden"): "it is in the schema x",
    (Kind.ROLE, "pg_monitor"): None,
    (Kind.SETTING, "track"): "On",
    (Kind.SETTING, "empty"): None,
}


@pytest.mark.parametrize(
    "text",
    [
        *("pg", "postgresql>=16", "pg>=16.4", "pg<=16", "pg=16", "pg=16.4", "pg>15", "pg<17", "pg<16.10", "pg>16.3"),
        *("primary", "extension:there", "role:pg_monitor", "setting:track", "setting:track=on", "setting:empty"),
    ],
)
def test_met(text: str) -> None:
    """A version counts as far as it is written: 16.4 is not above 16."""
    assert find_unmet(parse_requirements(text), SERVER, FOUND) == ""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("pg>16", "requires pg>16, and the server is postgresql 16.4 (Debian 16.4-1)"),
        ("pg<16", "requires pg<16, and"),
        ("pg<=15", "requires pg<=15, and"),
        ("pg=15", "requires pg=15, and"),
        ("pg>=17, pg<15, role:x", "requires pg>=17 and pg<15, and the server"),
        ("sqlite", "requires sqlite, and"),
        ("standby", "requires a standby, and the server is a primary"),
        ("role:x", "requires the role x: GRANT x TO anna"),
        ("extension:x", "requires the extension x: CREATE EXTENSION x"),
        ("extension:hidden", "requires the extension hidden: it is in the schema x"),
        ("setting:track=off", "requires track=off, and it is On"),
        ("setting:empty=off", "requires empty=off, and it is None"),
        ("privilege:PROCESS", "requires the privilege PROCESS, which postgresql does not have"),
        ("role:x, extension:x", "; requires the extension"),
    ],
)
def test_unmet(text: str, reason: str) -> None:
    """The reason has the next step, where there is one."""
    assert reason in find_unmet(parse_requirements(text), SERVER, FOUND)


def test_other_servers() -> None:
    """A standby; a table that is missing, without advice; a version of which nothing is known."""
    assert "is a standby" in find_unmet(parse_requirements("primary"), replace(SERVER, in_recovery=True), {})
    assert find_unmet(parse_requirements("standby"), replace(SERVER, in_recovery=True), {}) == ""
    assert find_unmet(parse_requirements("table:t"), SERVER, {}) == "requires the table t"
    unknown = Server("oracle", "", 0)
    assert "requires pg" in find_unmet(parse_requirements("pg"), unknown, {})
    assert "does not have" in find_unmet(parse_requirements("table:t"), unknown, {})
    assert fits(parse_requirements("pg>=16, role:x"), SERVER)
    assert not fits(parse_requirements("pg>=1"), replace(SERVER, version="devel"))


def test_one_variant_speaks_for_all() -> None:
    """What runs makes the others silent; else the one for the version gives the reason, or the first."""
    assert choose_variants(["a", "a", "b"], ["old", "", ""], [False, True, True]) == [None, "", ""]
    assert choose_variants(["a", "a"], ["old", "no extension"], [False, True]) == [None, "no extension"]
    assert choose_variants(["a", "a", "a"], ["one", "two", "three"], [False] * 3) == ["one", None, None]
