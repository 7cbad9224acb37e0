"""The options of a URL for TLS, whose names differ by library."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from bulkq.text import urls
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

_LIBPQ = ("?sslmode=verify-full&sslrootcert=FILE", "?sslmode=disable")
_WORDS = {
    "": _LIBPQ,
    "asyncpg": _LIBPQ,
    "psycopg": _LIBPQ,
    "psycopg2": _LIBPQ,
    "pg8000": ("", "?ssl_context=false"),
    "pymysql": ("?ssl_ca=FILE", "?ssl_disabled=true"),
    "aiomysql": ("?ssl_ca=FILE", "?ssl_disabled=true"),
    "asyncmy": ("?ssl_ca=FILE", "?ssl_disabled=true"),
    "mysqlconnector": ("?ssl_ca=FILE&ssl_verify_cert=true", "?ssl_disabled=true"),
    "mysqldb": ("?ssl_ca=FILE", "?ssl_mode=DISABLED"),
    "mariadbconnector": ("?ssl_ca=FILE&ssl_verify_cert=true", "?ssl=false"),
    "pyodbc": ("?SSLCA=FILE&SSLVERIFY=1", "?SSLMODE=DISABLED"),
}
"""By library: what has the server's certificate verified, and what allows plain text."""

_ODBC_SERVER = compile_late(r"(?i)(?:^|;)\s*(?:server|servername|host|address)\s*=\s*\{?(?:tcp:)?([^;},]*)")

_UNKNOWN = ("", "an option of the library that begins with ssl or tls")


def add_verification(url: str) -> str:
    """What to add to `url` so that the server's certificate is verified; "" where the library has no such option."""
    return _WORDS.get(_library(url), _UNKNOWN)[0]


def add_plain_text(url: str) -> str:
    """What to add to `url` to allow plain text."""
    return _WORDS.get(_library(url), _UNKNOWN)[1]


def is_remote(url: URL) -> bool:
    """Whether `url` names a host that is not this machine, among several of libpq, too."""
    given = url.query.get("host", "")
    hosts = url.host or (given if isinstance(given, str) else ",".join(given))
    hosts = hosts or _odbc_server(str(url.query.get("odbc_connect", "")))
    return "unix_socket" not in url.query and not all(map(_is_local, hosts.split(",")))


def _is_local(host: str) -> bool:
    return host in {"", "localhost", "::1"} or host.startswith(("127.", "/"))


def _odbc_server(text: str) -> str:
    """The host in an ODBC connection string; "" if it has none, as one with a DSN."""
    found = _ODBC_SERVER.search(text)
    return found[1].strip() if found else ""


def add_encryption() -> ssl.SSLContext:
    """Encrypted, without verifying the server's identity."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _library(url: str) -> str:
    base, _, library = (urls.parse_scheme(url) or "").partition("+")
    return library or {"mysql": "mysqldb", "mariadb": "mysqldb"}.get(base, "" if base.startswith("postgres") else base)
