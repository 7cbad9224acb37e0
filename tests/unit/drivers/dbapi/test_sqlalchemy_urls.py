"""What SQLAlchemy is asked about a URL."""

from __future__ import annotations

import pytest
from sqlalchemy.engine import make_url

from bulkq.drivers.dbapi.sqlalchemy_urls import ask_sqlalchemy, name_of
from bulkq.drivers.tls_url_options import is_remote
from bulkq.errors import UsageError


@pytest.mark.parametrize(
    ("hosts", "host", "port"),
    [
        ("u:p%40@h1:1,h2:2/db", "h1,h2", "1,2"),
        ("u@h1,h2:2/db?sslmode=disable", "h1,h2", ",2"),
        ("h1,h2/db", "h1,h2", None),
        ("[::1]:1,%2Frun/db", "::1,/run", "1,"),
        ("h1:1,h2:2", "h1,h2", "1,2"),
    ],
)
def test_several_hosts_for_libpq(hosts: str, host: str, port: str | None) -> None:
    """Each has the port behind it, as in libpq's own URLs; SQLAlchemy alone reads one port for all, or refuses the URL."""
    url = ask_sqlalchemy(f"postgresql+psycopg://{hosts}").url
    assert (url.host, url.query.get("host"), url.query.get("port")) == (None, host, port)
    assert url.password in {None, "p@"}
    assert url.query.get("sslmode") == ("disable" if "sslmode" in hosts else None)
    assert name_of(f"postgresql+psycopg2://{hosts}") == "postgresql"


@pytest.mark.parametrize("scheme", ["mysql+pymysql", "postgresql+pg8000"])
def test_several_hosts_for_another_library(scheme: str) -> None:
    """The error says what is wrong, without the password."""
    pytest.importorskip(scheme.rpartition("+")[2])
    with pytest.raises(UsageError, match="names several hosts, and .* takes one: name one of them") as raised:
        ask_sqlalchemy(f"{scheme}://u:secret@h1:1,h2:2/db")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "remote"),
    [
        ("postgresql+psycopg:///db?host=127.0.0.1,localhost", False),
        ("postgresql+psycopg:///db?host=127.0.0.1,db.example.com", True),
        ("postgresql+psycopg:///db?host=/run&host=db.example.com", True),
        ("postgresql+psycopg:///db", False),
        ("mysql+pymysql://db.example.com/db?unix_socket=/run/m", False),
    ],
)
def test_whether_a_host_is_another_machine(url: str, *, remote: bool) -> None:
    """One of several is enough."""
    assert is_remote(make_url(url)) is remote
