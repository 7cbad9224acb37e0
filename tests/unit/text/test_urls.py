"""URLs never show a password, and lead to the right driver."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bulkq.drivers import open_driver
from bulkq.errors import MissingDriver, UsageError
from bulkq.text import urls

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:hunter2@h:5432/db", "postgresql://u:***@h:5432/db"),
        ("postgresql://u@h/db", "postgresql://u@h/db"),
        ("postgresql://h:5432/db?user=a@b", "postgresql://h:5432/db?user=a@b"),
        (
            "postgresql:///db?user=u&password=hunter2&sslmode=require",
            "postgresql:///db?user=u&password=***&sslmode=require",
        ),
        ("postgresql:///db?sslpassword=hunter2", "postgresql:///db?sslpassword=***"),
        ("postgresql://u:hun@ter2@h/db", "postgresql://u:***@h/db"),
        ("postgresql://u:hun/ter2@h/db", "postgresql://u:***@h/db"),
        ("postgresql://u:hun#ter2@h/db", "postgresql://u:***@h/db"),
        ("postgresql://u:hun?ter2@h/db", "postgresql://u:***@h/db"),
        ("postgresql://u:hun?a=ter2@h/db", "postgresql://u:***@h/db"),
        ("postgresql://u:@h/db", "postgresql://u:@h/db"),
        ("postgresql://[::1]:5432/db", "postgresql://[::1]:5432/db"),
        ("mysql+pymysql://u:hunter2@h/db?charset=utf8", "mysql+pymysql://u:***@h/db?charset=utf8"),
        ("sqlite:///a@b.db", "sqlite:///a@b.db"),
        ("host=h password=hunter2 dbname=d", "host=h password=*** dbname=d"),
        ("host=h password = 'hun ter2' dbname=d", "host=h password = *** dbname=d"),
        ("host=h password='hun\\' ter2' dbname=d", "host=h password=*** dbname=d"),
        ("users.db", "users.db"),
        (
            "mysql+pyodbc://?odbc_connect=DRIVER%3D%7BMariaDB%7D%3BUID%3Du%3BPWD%3D%7Bhunt%3Ber2%7D%3BPORT%3D1&a=b",
            "mysql+pyodbc://?odbc_connect=DRIVER%3D%7BMariaDB%7D%3BUID%3Du%3BPWD%3D***&a=b",
        ),
        ("mssql+pyodbc://?odbc_connect=PWD%3Dhunter2", "mssql+pyodbc://?odbc_connect=PWD%3D***"),
        ("mssql+pyodbc://?odbc_connect=PWD=hunter2;UID=u", "mssql+pyodbc://?odbc_connect=PWD=***;UID=u"),
        ("mssql+pyodbc://?odbc_connect=UID=u; PWD = hunter2;A=b", "mssql+pyodbc://?odbc_connect=UID=u; PWD = ***;A=b"),
        ("mssql+pyodbc://?odbc_connect=UID=u;PWD={hun;ter2};A=b", "mssql+pyodbc://?odbc_connect=UID=u;PWD=***;A=b"),
        ("postgresql://h/d?options=-c%20a.b%3Dc", "postgresql://h/d?options=-c%20a.b%3Dc"),
    ],
)
def test_safe(url: str, shown: str) -> None:
    """Every place where a password may stand, also in URLs that were written wrongly."""
    assert urls.hide_passwords(url) == shown


@given(st.text(st.characters(codec="utf-8", exclude_characters="="), min_size=1))
@example("p@ss/w?r#d:x")
@example("1/2?3")
def test_no_password_survives(password: str) -> None:
    """Whatever characters the password has, unescaped or not, the shown URL does not contain it."""
    assert urls.hide_passwords(f"postgresql://user:{password}@host/db") == "postgresql://user:***@host/db"


def test_passwords_are_found_as_written_and_decoded() -> None:
    """Other people's messages may hold either form."""
    assert urls.find_passwords("postgresql://u:p%40ss@h/db?sslpassword=x%20y") == ("p%40ss", "p@ss", "x%20y", "x y")
    assert urls.find_passwords("host=h password='hunter2'") == ("hunter2",)
    assert urls.find_passwords("postgresql://u@h/db") == ()
    nested = urls.find_passwords("mysql+pyodbc://?odbc_connect=PWD%3D%7Ba%3Bb%7D%7Dc%7D%3BUID%3Du")
    assert "a;b}c" in nested
    assert "hunter2" in urls.find_passwords("mysql+pyodbc://?odbc_connect=UID%3Du%3BPWD%3Dhunter2%3BPORT%3D1")
    assert "a;b" in urls.find_passwords("mysql+pyodbc://?odbc_connect=UID=u;PWD={a;b};PORT=1")
    assert "hunter2" in urls.find_passwords("mysql+pyodbc://?odbc_connect=PWD=hunter2;PORT=1")
    assert (
        urls.redact_urls("in mssql+pyodbc://?odbc_connect=PWD={a;b}}c};A=b")
        == "in mssql+pyodbc://?odbc_connect=PWD=***;A=b"
    )
    assert urls.remove_passwords('cannot parse "p@ss"', "postgresql://u:p%40ss@h/db") == 'cannot parse "***"'


def test_options() -> None:
    """The query string as a mapping; a fragment is no part of it."""
    assert urls.parse_options("postgresql:///db?a=1&b=&a=2#x=3") == {"a": "2", "b": ""}
    assert urls.parse_options("postgresql:///db") == {}


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("users.db", "is not a URL: write it like postgresql://"),
        ("postgress://u:hunter2@h/db", "did you mean postgres"),
        ("nosuch://u:hunter2@h/db", "every SQLAlchemy dialect that is installed"),
        (
            "mysql://u:hunter2@h/db",
            r"pip install mysqlclient \(or write mysql\+pymysql://: pip install 'bulkq\[mysql\]'\)",
        ),
        ("oracle://u:hunter2@h/db", 'needs the package "oracledb": pip install oracledb'),
        ("mysql+pymysql://u:hun@ter2@h:x/db", "write @ as %40|cannot be read"),
        ("host=h password=hunter2", "is not a URL"),
        ("postgresql://u:hun@ter2@h/db", "write @ as %40"),
        ("postgresql://u:hun/ter2@h/db", "write @ as %40"),
        ("postgresql://u:hunter2@h:port/db", "a port number"),
        ("postgresql://u:hunter2@h/db?channel_binding=require", "not supported by the asyncpg driver"),
        ("postgresql://u:hunter2@h/db?sslrootcert=/no/such/file", "no file"),
    ],
)
def test_wrong_urls(url: str, message: str) -> None:
    """One line with the next step, and no password."""
    with pytest.raises(UsageError, match=message) as caught:
        open_driver(url, read_only=True)
    assert "hunter2" not in str(caught.value)
    assert "ter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is the command that installs it; a mistake inside of a driver stays what it is."""
    for name in [name for name in sys.modules if name.startswith("bulkq.drivers.asyncpg")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(MissingDriver, match="pip install 'asyncpg"):
        open_driver("postgresql://h/db", read_only=True)


def test_a_library_that_does_not_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It was built for another system; a mistake of ours stays what it is."""
    for name in [
        name for name in sys.modules if name.partition(".")[0] == "asyncpg" or name.startswith("bulkq.drivers.asyncpg")
    ]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "asyncpg.py").write_text("raise ImportError('libpq.so: cannot open shared object file')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingDriver, match=r"^postgresql:// cannot be used: libpq\.so: cannot open"):
        open_driver("postgresql://h/db", read_only=True)
    (tmp_path / "asyncpg.py").write_text("from bulkq.errors import nothing")
    with pytest.raises(ImportError, match="nothing"):
        open_driver("postgresql://h/db", read_only=True)


def test_a_url_stays_on_its_line() -> None:
    """Whatever control characters somebody has put into it."""
    assert urls.hide_passwords("sqlite:///a\nb\x1b.db") == "sqlite:///a\\nb\\x1b.db"
    assert urls.hide_passwords("größer\u2028") == "größer\\u2028"


@pytest.mark.parametrize(
    ("url", "other"),
    [
        ("postgresql://u:p@h:1/a?x=1", "postgresql://u:p@h:1/b%2Fc?x=1"),
        ("postgresql://h", "postgresql://h/b%2Fc"),
        ("postgresql:///a", "postgresql:///b%2Fc"),
    ],
)
def test_another_database_of_the_server(url: str, other: str) -> None:
    """User, host and options stay."""
    assert urls.with_database(url, "b/c") == other


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("sqlite:///a@b.db?mode=ro", ("sqlite:///", "a@b.db", "?mode=ro")),
        ("sqlite:////abs/a.db", ("sqlite:///", "/abs/a.db", "")),
        ("sqlite+apsw://:k%2Fey@/a.db", ("sqlite+apsw://:k%2Fey@/", "a.db", "")),
        ("sqlite+libsql://host/a", ("sqlite+libsql://", "host/a", "")),
        ("sqlite://", ("sqlite://", "", "")),
        ("a.db", ("", "a.db", "")),
    ],
)
def test_the_path_of_a_file(url: str, parts: tuple[str, str, str]) -> None:
    """A key stands in front of it, options behind it."""
    assert urls.split_file(url) == parts


def test_a_url_without_its_password_can_be_typed_again() -> None:
    """The user stays; the value of a secret option is masked, because the option is needed."""
    assert urls.leave_out_password("postgresql://u:p@h/a") == "postgresql://u@h/a"
    assert urls.leave_out_password("postgresql://h/a?password=p") == "postgresql://h/a?password=***"
    assert urls.leave_out_password("runs.db") == "runs.db"
