"""Which checks paths, globs, names and tags select."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import UsageError
from bulkq.tasks.check.selection import select
from tests.support.servers.processes import NOBODY

if TYPE_CHECKING:
    from collections.abc import Iterator


def names(
    *specs: str, tags: tuple[str, ...] = (), exclude: tuple[str, ...] = (), changed: frozenset[Path] | None = None
) -> list[str]:
    wanted = None if changed is None else lambda file: file.resolve() in changed
    found = select(specs, tags=tags, exclude=exclude, changed=wanted, dialect="postgres")
    assert not found.broken, found.broken
    return [query.name for query in found.queries]


def test_paths_globs_names_tags_and_exclusions(folder: Path) -> None:
    """Folders are searched through; what is only compared with is no check; each check is there once."""
    assert names("checks") == ["one", "two", "pair", "b"]
    assert names("checks/a.sql", "checks") == ["one", "two", "pair", "b"]
    assert names("checks/*.sql", "oth*.sql") == ["one", "two", "pair", "total"]
    assert names("checks/**/b.sql") == ["b"]
    assert names("checks", "./checks/a.sql", str(folder / "checks" / "a.sql")) == ["one", "two", "pair", "b"]
    assert names("checks/a.sql:two") == ["two"]
    assert names("checks/a.sql:t*", "checks/a.sql:one") == ["one", "two"] or names("checks/a.sql:t*") == ["two"]
    assert names("checks/a.sql:helper") == ["helper"]
    assert names("checks", tags=("users",)) == ["one", "b"]
    assert names("checks", exclude=("checks/deep",)) == ["one", "two", "pair"]
    assert names("checks", exclude=("*/a.sql:t*", "b")) == ["one", "pair"]
    assert names("checks", changed=frozenset({(folder / "checks/deep/b.sql").resolve()})) == ["b"]


def test_what_cannot_be_selected_is_named(folder: Path) -> None:
    """Each with its file, and the rest is still found."""
    (folder / "checks" / "bad.sql").write_text("-- name: bad\n-- @expect rowz = 1\nselect 1")
    (folder / "checks" / "pairless.sql").write_text("-- @expect same as nobody\nselect 1")
    (folder / "empty").mkdir()
    specs = ["checks", "missing.sql", "nothing*.sql", "empty", "other.sql:totl", "other.sql:x*"]
    found = select(specs, tags=(), exclude=(), changed=None, dialect="postgres")
    said = {(one.file, one.line): one.message for one in found.broken}
    assert 'checks/bad.sql:2: @expect "rowz = 1"' in said["checks/bad.sql", 2]
    assert 'no such file: "missing.sql"' in said["missing.sql", 1]
    assert said["nothing*.sql", 1] == 'no file matches "nothing*.sql"'
    assert said["empty", 1] == 'no .sql file in "empty"'
    assert "no query named" in said["other.sql", 1]
    assert 'no query named "nobody"' in said["checks/pairless.sql", 2]
    assert {"one", "two"} <= {query.name for query in found.queries}


def test_no_file_of_a_folder_is_left_out(folder: Path) -> None:
    """Upper case, links to folders, also those that lead in circles; a link that leads nowhere is an error."""
    (folder / "all").mkdir()
    (folder / "all" / "UP.SQL").write_text("select 1")
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "linked.sql").write_text("select 1")
    (folder / "all" / "link").symlink_to(folder / "elsewhere")
    (folder / "elsewhere" / "back").symlink_to(folder / "all")
    (folder / "all" / "folder.sql").mkdir()
    assert names("all") == ["UP", "linked"]
    (folder / "all" / "gone.sql").symlink_to(folder / "nowhere.sql")
    found = select(["all"], tags=(), exclude=(), changed=None, dialect="postgres")
    assert [one.file for one in found.broken] == ["all/gone.sql"]


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Root may read every folder: for a moment nobody special asks."""
    effective = os.geteuid()
    if effective == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(effective)


@pytest.mark.parametrize("spec", ["c/**/*.sql", "c/*/*.sql", "c/*/b.sql", "{here}/c/**", "c"])
def test_a_folder_that_cannot_be_read_is_an_error_of_a_glob_too(spec: str, folder: Path) -> None:
    """Its checks would be missing without a word, and the rest green."""
    (folder / "c" / "sub").mkdir(parents=True)
    (folder / "c" / "a.sql").write_text("select 1 where 1 = 0")
    (folder / "c" / "sub" / "b.sql").write_text("select 1")
    (folder / "c" / "sub").chmod(0o700 if os.geteuid() == 0 else 0)
    folder.chmod(0o755)
    spec = spec.replace("{here}/", "")
    with ordinary_user():
        found = select([spec], tags=(), exclude=(), changed=None, dialect="postgres")
    assert [one.message for one in found.broken] == [
        f'cannot read the folder "c/sub{"/b.sql" if spec == "c/*/b.sql" else ""}": permission denied'
    ]


def test_globs_name_what_a_shell_would(folder: Path) -> None:
    """Links to folders are followed once, hidden files are not meant, a folder that matches is searched through."""
    (folder / "checks" / ".hidden.sql").write_text("select 1")
    (folder / "checks" / "back").symlink_to(folder / "checks")
    (folder / "checks" / "self").symlink_to("self")
    (folder / "checks" / "deep" / "x.sql").mkdir()
    (folder / "checks" / "deep" / "x.sql" / "y.sql").write_text("select 1")
    assert names("./checks/**/[a-b].sql") == ["one", "two", "pair", "b"]
    assert names(f"{folder}/ch*/deep/*.sql") == ["b", "y"]
    assert names("checks/.h*.sql") == [".hidden"]
    assert names("checks/de*") == ["b", "y"]
    assert names("checks/d*/**") == ["b", "y"]
    found = select(["checks/a.sql/*.sql"], tags=(), exclude=(), changed=None, dialect="postgres")
    assert [one.message for one in found.broken] == ['no file matches "checks/a.sql/*.sql"']


def test_a_link_that_leads_nowhere_is_called_that(folder: Path) -> None:
    """It is no mistyped name."""
    (folder / "checks" / "gone.sql").symlink_to("nowhere.sql")
    found = select(["checks/gone.sql"], tags=(), exclude=(), changed=None, dialect="postgres")
    assert [one.message for one in found.broken] == ['"checks/gone.sql" is a broken link to "nowhere.sql"']


def test_a_pipe_in_a_folder_is_an_error(folder: Path) -> None:
    """Reading it would wait for ever; one that the command line names is read."""
    os.mkfifo(folder / "checks" / "f.sql")
    for spec in ("checks", "checks/*.sql"):
        found = select([spec], tags=(), exclude=(), changed=None, dialect="postgres")
        assert [one.message for one in found.broken] == [
            '"checks/f.sql" is not a regular file: remove it from the folder, or name the file itself'
        ]


def test_a_tag_that_no_check_has_is_an_error(folder: Path) -> None:
    """Beside a good one it would leave checks out without a word; nothing may be there where that was allowed."""
    with pytest.raises(UsageError, match=r'--tag "user": no check has it \(did you mean "users"\?\); there are '):
        names("checks", tags=("users", "user"))
    (folder / "empty").mkdir()
    specs = ("checks/a.sql:one", "empty", "nothing*.sql", "other.sql:x*")
    found = select(specs, tags=("none",), exclude=(), changed=None, dialect="postgres", allow_empty=True)
    assert (found.queries, found.broken) == ((), ())


def test_a_check_has_changed_with_what_it_is_compared_with(folder: Path) -> None:
    """The file of the reference, in a file of its own, counts as the check's."""
    (folder / "p.sql").write_text("-- @expect same as other.sql:total\nselect 1")
    assert names("p.sql", changed=frozenset({(folder / "other.sql").resolve()})) == ["p"]


def test_a_check_is_not_compared_with_itself(folder: Path) -> None:
    """On the same database that would always be green; on another one it is what the condition is for."""
    (folder / "p.sql").write_text("-- @expect same as p\nselect 1")
    found = select(["p.sql"], tags=(), exclude=(), changed=None, dialect="postgres")
    assert [one.message.partition(": that is ")[2] for one in found.broken] == [
        "the check itself: name another query, or a database with on TARGET"
    ]
    (folder / "p.sql").write_text("-- @expect same as p on replica\nselect 1")
    assert names("p.sql") == ["p"]


def test_a_reference_takes_no_parameters_of_its_own(folder: Path) -> None:
    """The sets of a check are the sets of what it is compared with."""
    (folder / "p.sql").write_text("-- @expect same as other.sql:total\nselect 1")
    found = select(["p.sql"], tags=(), exclude=(), changed=None, dialect="postgres")
    assert [query.name for query in found.references.values()] == ["total"]
    (folder / "other.sql").write_text("-- name: total\nselect :n")
    found = select(["p.sql"], tags=(), exclude=(), changed=None, dialect="postgres")
    assert 'needs :n, which "p" does not have' in found.broken[0].message
