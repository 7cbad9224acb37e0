"""The ready questions: complete, selected by name, subject or file, and copied."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from bulkq.dialects import dialect_for
from bulkq.errors import RefusedError, UsageError
from bulkq.model import StatementClass
from bulkq.query.lint import lint
from bulkq.query.requirement_headers import requirements
from bulkq.tasks.diag.questions import databases, eject, load_questions, select_all, select_queries
from tests.support.diagnostics_page import PAGE, written

if TYPE_CHECKING:
    from pathlib import Path

EVERY = {database: load_questions(database) for database in databases()}


def test_there_are_enough() -> None:
    """At least 40 for PostgreSQL, a dozen for each of the others."""
    counts = {database: len(found) for database, found in EVERY.items()}
    assert counts["postgresql"] >= 40
    assert min(counts.values()) >= 12
    assert set(counts) == {"mariadb", "postgresql", "sqlite"}


@pytest.mark.parametrize("database", databases())
def test_each_is_complete(database: str) -> None:
    """A file has one question: a title, advice, a subject, its database, a condition; it only reads, and lint finds nothing."""
    for question in EVERY[database]:
        for query in question.queries:
            assert query.file == f"diagnostics/{database}/{query.name}.sql"
            assert len(query.description.splitlines()[0]) <= 160, query.name
            assert query.description.count("\n"), f"{query.name} does not say what to do"
            assert query.tags, query.name
            assert requirements(query)[0].name in {"pg", "mariadb", "sqlite"}, query.name
            assert not {"expect", "warn", "fail"}.isdisjoint(query.metadata), query.name
            assert query.statement is StatementClass.READ
            assert all(parameter.has_default for parameter in query.parameters), query.name
            assert lint(query, dialect_for(database).name) == [], query.name


def test_variants_cover_every_version() -> None:
    """Of each question exactly one variant is for each major version from its first one on."""
    for question in EVERY["postgresql"]:
        for version in range(13, 19):
            fitting = [q for q in question.queries if _fits([r.text for r in requirements(q)], version)]
            assert len(fitting) <= 1, question.name
            assert fitting or version < 16, (question.name, version)


def _fits(required: list[str], version: int) -> bool:
    found = [one for text in required if (one := re.fullmatch(r"pg(>=|<)(\d+)", text))]
    return all(version >= int(one[2]) if one[1] == ">=" else version < int(one[2]) for one in found)


def test_names_patterns_and_files_select(tmp_path: Path) -> None:
    """In the order of the words, each query once, for the databases of the targets."""
    (tmp_path / "own.sql").write_text("-- name: mine\nselect 1;\n-- name: other\nselect 2\n")
    found = select_queries(["blocking", "vacuum-*", "blocking", f"{tmp_path}/own.sql:mine"], ["postgres"])
    names = [query.name for query in found]
    assert names == ["blocking", "vacuum_need", "vacuum_progress", "vacuum_progress", "mine"]
    both = select_queries(["table_sizes", "integrity"], ["postgres", "sqlite"])
    assert [query.file for query in both] == [
        "diagnostics/postgresql/table_sizes.sql",
        "diagnostics/sqlite/table_sizes.sql",
        "diagnostics/sqlite/integrity.sql",
    ]


def test_what_selects_nothing_is_an_error() -> None:
    """One line each, with the nearest name."""
    with pytest.raises(UsageError) as caught:
        select_queries(["blokcing", "xyz", "integrity"], ["postgres"])
    assert str(caught.value).splitlines() == [
        'no question "blokcing" (did you mean "blocking"?): bulkq diag list shows them',
        'no question "xyz": bulkq diag list shows them',
        'the question "integrity" is for sqlite, not for postgresql: leave it out',
    ]
    with pytest.raises(
        UsageError, match=r'--tag "lokcs": no question has it \(did you mean "locks"\?\); there are activity'
    ):
        select_all(["postgres"], ["lokcs"])
    with pytest.raises(UsageError, match="there are no questions for duckdb: they are for mariadb, postgresql, sqlite"):
        select_all(["duckdb"], [])


def test_all_are_those_of_a_tag() -> None:
    """Every tag counts, not only the subject."""
    assert {query.name for query in select_all(["sqlite"], ["corruption"])} == {"integrity", "foreign_key_violations"}
    assert len({query.name for query in select_all(["mysql"], [])}) == len(EVERY["mariadb"])


def test_a_file_is_copied_and_never_replaced(tmp_path: Path) -> None:
    """All of the files or none; a name that two databases have wants one of them."""
    folder = tmp_path / "new" / "sql"
    (made,) = eject(["blocking-chains".removesuffix("-chains")], folder, ["postgres"])
    assert made == folder / "blocking.sql"
    assert "-- name: blocking" in made.read_text()
    with pytest.raises(RefusedError, match=r'blocking.sql" exists: remove it, or name another folder with --to'):
        eject(["locks", "blocking"], folder, ["postgres"])
    assert not (folder / "locks.sql").exists()
    with pytest.raises(UsageError, match='"blocking" is there for mariadb, postgresql: name a target'):
        eject(["blocking"], tmp_path, None)
    with pytest.raises(UsageError, match='no question "lcoks"'):
        eject(["lcoks"], tmp_path, None)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match='cannot write to ".*/file"'):
        eject(["locks"], tmp_path / "file", None)


def test_the_documentation_lists_them() -> None:
    """The tables of the reference are those that the headers give: python -m tests.support.diagnostics_page."""
    page = PAGE.read_text("utf-8")
    assert written(page) == page
    assert all(f"`{one.name}`: {one.title}" in page for found in EVERY.values() for one in found)
