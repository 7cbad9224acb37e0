"""Connecting: refusals, names of dialects, TLS, packages that are missing."""

from __future__ import annotations

import asyncio
import gc
import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.dialects import registry

from bulkq.drivers import dialect_of, open_driver
from bulkq.drivers.dbapi import sqlalchemy_urls
from bulkq.errors import MissingDriver, TargetError, UsageError
from tests.support import odd_libraries
from tests.support.databases import DRIVERS, SCHEMES, fresh
from tests.support.servers import passwords

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers.mariadb import MariaDB


# --- targets ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql+pymysql://root@127.0.0.1:1/x", "is the server running"),
        ("mysql+pymysql://nobody:secret@127.0.0.1:PORT/", "wrong user or password"),
        ("mysql+aiomysql://root@127.0.0.1:PORT/nosuch", "nosuch"),
        ("postgresql+psycopg2://u:secret@127.0.0.1:1/x", "refused"),
        ("postgresql+psycopg://u:secret@127.0.0.1:1/x", "refused"),
    ],
)
async def test_targets_that_do_not_let_us_in(mariadb: MariaDB, url: str, words: str) -> None:
    """One line that says which part it was, without the password."""
    driver = open_driver(url.replace("PORT", str(mariadb.port)), application_name="x", read_only=True)
    with pytest.raises(TargetError, match=words) as caught:
        await driver.connect()
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "secret" not in driver.target


def test_words_of_a_server_that_are_no_utf8() -> None:
    """psycopg2 cannot read what a server says in its own encoding before anybody has logged in; it is shown as far as it can be."""
    adapter = sqlalchemy_urls.ask_sqlalchemy("postgresql+psycopg2://h/d").adapter
    said = UnicodeDecodeError("utf-8", "FATAL: Rolle »u« existiert nicht".encode("latin-1"), 13, 14, "invalid")
    assert adapter.why_not(said, '"h"') == "FATAL: Rolle \ufffdu\ufffd existiert nicht"


def test_dialects_are_asked_for_their_names() -> None:
    """How SQL is scanned follows from the dialect, whichever library talks to it."""
    assert dialect_of("mysql+pymysql://h/d") == dialect_of("mariadb+pymysql://h/d") == "mysql"
    assert dialect_of("duckdb:///x") == "duckdb"
    assert dialect_of("oracle://h/d") == "oracle"
    assert dialect_of("postgresql+psycopg://h/d") == "postgres"
    assert sqlalchemy_urls.install("psycopg2") == "pip install 'bulkq[psycopg]'"


def test_a_missing_dialect_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named, with the command. A file without options needs no dialect."""
    monkeypatch.setattr(sqlalchemy_urls, "name_of", lambda _: None)
    with pytest.raises(MissingDriver, match=r"pip install 'bulkq\[duckdb\]'"):
        open_driver("duckdb:///x.duckdb?threads=1", application_name="x", read_only=True)
    assert open_driver("duckdb:///x.duckdb", application_name="x", read_only=True).capabilities.name == "duckdb"


async def test_hosts_elsewhere_are_talked_to_with_tls() -> None:
    """Nothing is sent in plain text to another machine unless the URL says so."""
    known = sqlalchemy_urls.ask_sqlalchemy("postgresql+psycopg2://db.example/x")
    assert known.adapter.url(known.url, read_only=True).query["sslmode"] == "require"
    told = sqlalchemy_urls.ask_sqlalchemy("postgresql+psycopg2://db.example/x?sslmode=disable")
    assert told.adapter.url(told.url, read_only=True).query["sslmode"] == "disable"
    near = sqlalchemy_urls.ask_sqlalchemy("postgresql+psycopg2://127.0.0.1/x")
    assert "sslmode" not in near.adapter.url(near.url, read_only=True).query
    far = sqlalchemy_urls.ask_sqlalchemy("mysql+pymysql://db.example/x")
    assert "ssl" in far.adapter.arguments(far.url, "x")
    assert "ssl" not in sqlalchemy_urls.ask_sqlalchemy("mysql+pymysql://localhost/x").adapter.arguments(
        sqlalchemy_urls.ask_sqlalchemy("mysql+pymysql://localhost/x").url, "x"
    )


@pytest.mark.parametrize("driver", ["pymysql", "aiomysql", "pg8000"])
async def test_no_plain_text_to_another_machine(request: pytest.FixtureRequest, driver: str) -> None:
    """A server without TLS behind a name that is not this machine's is refused, unless the URL allows plain text: some libraries fall back to it."""
    pytest.importorskip(driver)
    scheme = {"pg8000": "postgresql+pg8000"}.get(driver) or SCHEMES[driver]
    near = fresh("postgresql" if driver == "pg8000" else DRIVERS[driver].kind, request).url(scheme)
    if driver == "pg8000":  # which reads no password file
        near = near.replace("://postgres@", f"://postgres:{passwords.of('postgres')}@")
    far = near.replace("127.0.0.1", "2130706433").replace("localhost", "2130706433")  # the same address, as a number
    if far == near:
        pytest.skip("the server has another address")
    with pytest.raises(TargetError, match=r"(?i)TLS refused|refuses SSL"):
        await open_driver(far, application_name="x", read_only=True).connect()
    allowed = "ssl_context=false" if driver == "pg8000" else "ssl_disabled=true"
    connection = await open_driver(f"{far}?{allowed}", application_name="x", read_only=True).connect()
    assert connection.server.tls == "off"
    await connection.close()


def test_a_certificate_is_no_leave_for_plain_text() -> None:
    """A URL that names a certificate wants TLS: PyMySQL would go on without."""
    for url, allowed in (
        ("?ssl_ca=x.pem", False),
        ("?ssl_disabled=true", True),
        ("?ssl_mode=DISABLED", True),
        ("", False),
    ):
        known = sqlalchemy_urls.ask_sqlalchemy(f"mysql+pymysql://db.example/x{url}")
        assert known.adapter.plain_allowed(known.url) is allowed


def test_missing_packages_are_named() -> None:
    """A dialect in a package of its own, a library that is not there, and a dialect that fails before it connects."""
    odd_libraries.register()
    for url, words in (
        ("snowflake://h/d", "pip install snowflake-sqlalchemy"),
        (
            "mysql+nobody://h/d",
            'install the package that brings this SQLAlchemy dialect, or correct the name after "[+]"',
        ),
        (
            "sqlite+unfinished:///x.db",
            r"dialect sqlite\+unfinished cannot be used with SQLAlchemy [\d.]+: NotImplementedError: try",
        ),
    ):
        with pytest.raises(UsageError, match=words):
            open_driver(url, application_name="x", read_only=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("raise AttributeError('duckdb has no attribute x')", "cannot be used: AttributeError: duckdb has no"),
        ("raise ImportError('built for numpy 1')", "cannot be used: built for numpy 1: install another version"),
        ("raise SystemExit(1)", "cannot be used: SystemExit: 1"),
        ("import a_package_that_is_missing", 'needs the package "a_package_that_is_missing": pip install'),
        ("def f(:", "cannot be used: SyntaxError: "),
    ],
)
def test_packages_that_cannot_be_imported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, words: str
) -> None:
    """A dialect of SQLAlchemy and a driver of another package that fail in their import are a line, whatever they raise."""
    (tmp_path / "a_dialect_that_fails.py").write_text(text)
    metadata = tmp_path / "a_dialect_that_fails-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: a-dialect-that-fails\nVersion: 1\n")
    entries = (
        "[sqlalchemy.dialects]",
        "duckdb = a_dialect_that_fails:Dialect",
        "mysql.failing = a_dialect_that_fails:D",
    )
    entries += ("[bulkq.drivers]", "failing = a_dialect_that_fails:Driver")
    (metadata / "entry_points.txt").write_text("\n".join(entries))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "impls", {})
    for url in ("duckdb:///x.duckdb?threads=1", "mysql+failing://h/d", "failing://h/d"):
        scheme = re.escape(url.partition("://")[0])
        expected = words if not url.startswith("failing") or "needs" not in words else "cannot be used: No module named"
        with pytest.raises(MissingDriver, match=f"^{scheme}:// {expected}") as caught:
            open_driver(url, application_name="x", read_only=True)
        assert "\n" not in str(caught.value)
    assert dialect_of("mysql+failing://h/d") == "mysql"


def test_the_question_of_the_trial_has_an_answer() -> None:
    """MySQL's statement that does nothing gives no row; what is asked at connect of a library that nobody has tried gives one."""
    adapter = sqlalchemy_urls.ask_sqlalchemy("mysql+pymysql://h/d").adapter
    assert (adapter.nothing, adapter.question) == ("DO 0", "SELECT 1")


# --- giving up ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["postgresql+psycopg", "mysql+aiomysql"])
async def test_a_connection_that_is_given_up_in_the_making(
    postgres_url: str, mariadb_database: tuple[MariaDB, str], scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Wherever it is cancelled, and twice, it is closed, and neither the library nor SQLAlchemy complains of it."""
    server, name = mariadb_database
    url = postgres_url if "psycopg" in scheme else f"mysql://root@127.0.0.1:{server.port}/{name}"
    driver = open_driver(f"{scheme}:{url.partition(':')[2]}", application_name="given-up", read_only=True)
    await (await driver.connect()).close()
    gc.collect()  # what tests before this one have left
    caplog.clear()
    for steps in range(0, 60, 2):
        connecting = asyncio.ensure_future(driver.connect())
        for _ in range(steps):
            await asyncio.sleep(0.0002)
        connecting.cancel()
        await asyncio.sleep(0)
        connecting.cancel()
        (ended,) = await asyncio.gather(connecting, return_exceptions=True)
        if not isinstance(ended, BaseException):
            await ended.close()
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.name.startswith(("psycopg", "sqlalchemy"))] == []
