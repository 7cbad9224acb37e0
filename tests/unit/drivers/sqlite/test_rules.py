"""What SQLite is refused and how its messages are read, without a database."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from bulkq import query as queries
from bulkq.dialects import SQLITE
from bulkq.drivers.sqlite import rules
from bulkq.drivers.sqlite.aiosqlite import open as open_sqlite
from bulkq.drivers.sqlite.binding import SqliteBinding, to_native
from bulkq.drivers.sqlite.connection import file_of
from bulkq.drivers.sqlite.handle import Deadline
from bulkq.errors import TargetError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

MOST = 250_000
"""Parameters of one statement that the build of SQLite takes."""


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///shop.db", "shop.db"),
        ("sqlite:////var/lib/shop.db", "/var/lib/shop.db"),
        ("sqlite:///my%20shop%3F.db", "my shop?.db"),
        ("sqlite:///a/b%23c.db", "a/b#c.db"),
        ("sqlite:///a/b#c.db", "a/b#c.db"),
    ],
)
def test_url_names_a_file(url: str, path: str) -> None:
    """Three slashes are relative, four absolute, and the rest is percent-encoded."""
    assert str(file_of(url)) == path
    assert open_sqlite(url, application_name="x", read_only=True).target == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite://", "names no file"),
        ("sqlite:///", "names no file"),
        ("sqlite:", "names no file"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite://:memory:", "in memory"),
        ("sqlite://shop.db", "sqlite:///shop.db"),
        ("sqlite:shop.db", "sqlite:///shop.db"),
        ("sqlite://host/shop.db", "three slashes"),
        ("sqlite:///shop%00.db", "null character"),
    ],
)
def test_url_without_a_file_is_a_usage_error(url: str, words: str) -> None:
    """What cannot be a file is refused before anything is opened, with the way to write it."""
    with pytest.raises(UsageError, match=words):
        file_of(url)


@pytest.mark.parametrize(
    ("message", "text", "at"),
    [
        ('near "form": syntax error', "select * form t", 9),
        ("no such column: t.nam", "select t.nam from t", 7),
        ("no such column: nam", "select nam, nam from t", None),
        ("no such table: main.nope", "select 1 from nope", 14),
        ("no such function: f", "select if, f(1)", 11),
        ("table t has no column named z", "insert into t(z) values (1)", 14),
        ("wrong number of arguments to function abs()", "select abs()", 7),
        ('unrecognized token: "#"', "select #", 7),
        ("incomplete input", "select", 6),
        ("something else", "select", None),
    ],
)
def test_the_place_of_a_mistake(message: str, text: str, at: int | None) -> None:
    """The word that SQLite names is pointed at where it stands in the text once."""
    assert rules.culprit(message, text) == at


def test_nearest() -> None:
    """A misspelled name gets a hint."""
    assert rules.nearest_hint("Custmers", ["customers", "orders"]) == "did you mean customers?"
    assert rules.nearest_hint("x", ["customers"]) is None


def test_why_not_open_falls_back_on_sqlites_words(tmp_path: Path) -> None:
    """What is not known keeps SQLite's message."""
    assert "disk on fire" in rules.why_not_open(tmp_path / "x.db", sqlite3.OperationalError("disk on fire"), 1.0)


def test_why_not_open_says_the_next_step(tmp_path: Path) -> None:
    """SQLite cannot open a file for several reasons; the file and its neighbours tell which."""

    def why() -> str:
        error = sqlite3.OperationalError("unable to open database file")
        error.sqlite_errorname = "SQLITE_CANTOPEN"
        return rules.why_not_open(path, error, 1.0)

    path = tmp_path / "x.db"
    assert why() == f'cannot open "{path}": unable to open database file'
    path.write_bytes(b"SQLite format 3\0\x10\x00\x01\x01")
    path.with_name("x.db-journal").touch()
    assert '"x.db-journal" must be rolled back first' in why()
    path.write_bytes(b"SQLite format 3\0\x10\x00\x02\x02")
    assert f'get permission to write in "{tmp_path}"' in why()


def test_permissions_are_asked_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No right to read, or to write where the run writes, is said before SQLite is asked."""
    path = tmp_path / "x.db"
    path.touch()
    rules.must_be_usable(path, write=True)
    monkeypatch.setattr("os.access", lambda _, mode: mode == os.R_OK)
    rules.must_be_usable(path, write=False)
    with pytest.raises(TargetError, match="cannot write"):
        rules.must_be_usable(path, write=True)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(TargetError, match="cannot read"):
        rules.must_be_usable(path, write=False)


def test_placeholders_are_numbered_only_where_needed() -> None:
    """A parameter that stands in the text once is `?`; one that stands there twice stays the same variable."""
    once = SqliteBinding(queries.inline("select :b, :a where :a2 = 1"), {}, typed=False, most=MOST)
    assert once.sample == "select ?, ? where ? = 1"
    twice = SqliteBinding(queries.inline("select :a, :b, :a"), {}, typed=False, most=MOST)
    assert twice.sample == "select ?1, ?2, ?1"
    assert list(twice.calls([("x", "y")])) == [("select ?1, ?2, ?1", ("x", "y"))]


def test_sets_are_put_in_the_order_of_the_text() -> None:
    """Declared parameters may come in another order, and one may stand for an identifier."""
    query = queries.load("-- name: q(b, a)\n-- @param t ident\nselect :a, :b from :{t};", "q.sql")[0]
    names = [p.name for p in query.parameters]
    values = tuple(f"value of {name}" for name in names)
    binding = SqliteBinding(query, {"t": SQLITE.identifier("x")}, typed=False, most=MOST)
    assert binding.sample == "select ?, ? from `x`"
    assert [tuple(call[1]) for call in binding.calls([values])] == [("value of a", "value of b")]


def test_one_of_several_values_is_still_a_tuple() -> None:
    """With identifiers beside it, a single value is taken out of its set."""
    query = queries.inline("-- @param t ident\nselect * from :{t} where id = :id")
    binding = SqliteBinding(query, {"t": "`t`"}, typed=False, most=MOST)
    assert [call[1] for call in binding.calls([("t", "5")])] == [("5",)]
    only = SqliteBinding(queries.inline("-- @param t ident\nselect * from :{t}"), {"t": "`t`"}, typed=False, most=MOST)
    assert [call[1] for call in only.calls([("t",)])] == [()]


def test_lists_become_as_many_placeholders_as_values() -> None:
    """Each length has its own text; values and lists share one numbering."""
    binding = SqliteBinding(
        queries.inline("select :a where 1 in (:ids*) and 2 not in (:ids*) or :a"), {}, typed=False, most=MOST
    )
    calls = list(binding.calls([("x", "[1, 2]"), ("y", '["z"]'), ("w", None)]))
    assert calls[0] == ("select ?1 where 1 IN (?2, ?3) and 2 NOT IN (?2, ?3) or ?1", ("x", 1, 2))
    assert calls[1] == ("select ?1 where 1 IN (?2) and 2 NOT IN (?2) or ?1", ("y", "z"))
    assert calls[2][1] == ("w", None)


def test_texts_are_not_kept_for_ever() -> None:
    """A run with lists of every length does not fill the memory with texts."""
    binding = SqliteBinding(queries.inline("select 1 where 1 in (:ids*)"), {}, typed=True, most=MOST)
    for length in range(1, 600):
        list(binding.calls([([1] * length,)]))
    assert len(binding._texts) <= 256


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((2**63, "[1]"), ":a is an integer of more than 64 bits"),
        (("\ud800", "[1]"), ":a is not valid Unicode"),
        ((object(), "[1]"), ":a is a object"),
        (("x", "{}"), ":ids is not a JSON array"),
        (("x", "nonsense"), ":ids is not a JSON array"),
        (("x", "[]"), ":ids is an empty list"),
        (("x", [2**70]), ":ids is an integer of more than 64 bits"),
        (("x", "[1]"), None),
    ],
)
def test_complaints_name_the_parameter(values: tuple[object, ...], words: str | None) -> None:
    """What cannot be stored is said with its parameter."""
    binding = SqliteBinding(queries.inline("select :a where 1 in (:ids*)"), {}, typed=True, most=MOST)
    complaint = binding.complaint(values)
    assert complaint is None if words is None else words in (complaint or "")


def test_python_values_become_what_sqlite_stores() -> None:
    """Dates are written as SQLite's own functions write them, exact numbers and the rest as text."""
    moment = dt.datetime(2026, 11, 22, 13, 5, 10, tzinfo=dt.UTC)
    assert to_native(moment) == "2026-11-22 13:05:10+00:00"
    assert to_native(moment.date()) == "2026-11-22"
    assert to_native(moment.time()) == "13:05:10"
    assert to_native(Decimal("1.10")) == "1.10"
    assert to_native(UUID(int=1)) == "00000000-0000-0000-0000-000000000001"
    assert to_native(dt.timedelta(minutes=1)) == 60.0
    assert to_native({"a": [1]}) == '{"a": [1]}'
    assert to_native(b"x") == b"x"


def test_deadline_counts_from_its_first_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement has its time from the moment it is first seen; the next one begins anew; ours are never stopped."""
    now = 0.0
    monkeypatch.setattr("bulkq.drivers.sqlite.handle.time.monotonic", lambda: now)
    deadline, answers = Deadline(), []
    assert not deadline.expired()
    deadline.start(1.0, answers)
    assert not deadline.expired()
    now = 1.5
    assert deadline.expired()
    assert deadline.passed
    answers.append(())
    assert not deadline.expired()
    deadline.cancelled = True
    assert deadline.expired()
    deadline.off = True
    assert not deadline.expired()
