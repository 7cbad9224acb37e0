"""What is true of each database, and of one that is not known."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import bulkq
from bulkq.dialects import CANCELLED, DIALECTS, DUCKDB, LOCKED, MYSQL, POSTGRESQL, READ_ONLY, SQLITE, dialect_for
from bulkq.policy import retry


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("postgres", POSTGRESQL),
        ("postgresql", POSTGRESQL),
        ("mysql", MYSQL),
        ("mariadb", MYSQL),
        ("sqlite", SQLITE),
        ("duckdb", DUCKDB),
    ],
)
def test_a_dialect_is_found_by_each_of_its_names(name: str, expected: object) -> None:
    """Query files, SQLAlchemy, servers and URLs call one database differently."""
    assert dialect_for(name) is expected


def test_nothing_is_believed_of_a_database_that_is_not_known() -> None:
    """It keeps its name, and promises nothing."""
    unknown = dialect_for("firebird")
    assert unknown.name == "firebird"
    assert not unknown.is_known
    assert not unknown.is_file
    assert (unknown.hold, unknown.identity, unknown.server) == ("", "", "")


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_identifiers_and_literals_end_where_they_end(dialect: object) -> None:
    """A quote inside is doubled."""
    known = dialect_for(getattr(dialect, "name"))  # noqa: B009
    quote = known.quote
    assert known.identifier(f"a{quote}b") == f"{quote}a{quote}{quote}b{quote}"
    assert known.literal("it's") == known.literal_prefix + "'it''s'"
    assert known.literal("\\") == known.literal_prefix + ("'\\\\'" if known in (POSTGRESQL, MYSQL) else "'\\'")


def test_states_have_an_action() -> None:
    """A lock that was not granted is tried again; a refused write is the guard speaking."""
    assert {retry.ACTIONS[state] for state in LOCKED} == {retry.Action.RETRY}
    assert retry.TIMEOUTS >= CANCELLED
    assert retry.READ_ONLY >= READ_ONLY


def test_no_text_for_postgresql_depends_on_backslashes() -> None:
    """In a plain literal they mean something else where `standard_conforming_strings` is off, in the dialect and in what is shipped."""
    root = Path(bulkq.__file__).parent
    texts = {str(path): path.read_text() for path in (root.parent / "sql").glob("*/postgresql/*.sql")}
    for path in (root / "dialects").glob("postgresql*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "SELECT" in node.value:
                texts[f"{path}:{node.lineno}"] = node.value
    assert len(texts) > 100
    assert {name for name, text in texts.items() if re.search(r"(?<!E)'[^'\n]*\\", text)} == set()
