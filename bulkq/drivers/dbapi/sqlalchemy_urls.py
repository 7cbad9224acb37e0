"""What SQLAlchemy knows about a URL: its dialect, whether it is async, which package it needs.

No list of dialects is kept here: a new one that is installed is found.
"""

from __future__ import annotations

import contextlib
import sys
from urllib.parse import quote, unquote

import sqlalchemy
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from bulkq.drivers.dbapi.adapters import adapter_for
from bulkq.drivers.dbapi.parsed_url import ParsedUrl
from bulkq.drivers.libpq.url import split_port
from bulkq.errors import MissingDriver, UsageError
from bulkq.text import urls
from bulkq.text.failed_import import IMPORT_ERRORS, unusable_library
from bulkq.text.late_pattern import compile_late

EXTRAS = {
    "duckdb": "duckdb",
    "duckdb_engine": "duckdb",
    "pymysql": "mysql",
    "aiomysql": "mysql",
    "psycopg": "psycopg",
    "psycopg2": "psycopg",
}
"""Packages that an extra of ours installs, with the versions that were tried."""

DISTRIBUTIONS = {
    "MySQLdb": "mysqlclient",
    "mysql": "mysql-connector-python",
    "cx_Oracle": "cx_Oracle",
    "pysqlcipher3": "sqlcipher3-binary",
    "adbc_driver_sqlite": "adbc-driver-sqlite",
    "adbc_driver_postgresql": "adbc-driver-postgresql",
}
"""Packages whose name on the index is not the one they are imported by."""


SEVERAL_HOSTS = compile_late(r"(postgresql\+psycopg\w*://)([^/?#]*@)?([^/?#@]*,[^/?#@]*)(/[^?#]*)?(?:\?([^#]*))?")
"""A URL for libpq with a list of hosts: scheme, user, hosts, path and query string."""

SEVERAL = compile_late(r"[^:/]+://(?:[^/?#]*@)?[^/?#@,]*:\d+,[^/?#@]*:\d+(?:[/?#]|$)")
"""Begins a URL with a list of hosts."""


def ask_sqlalchemy(text: str) -> ParsedUrl:
    """Ask SQLAlchemy about the URL `text`.

    Raises:
        UsageError: it cannot be read, or no dialect has that name.
        MissingDriver: the dialect's library is not installed.
    """
    scheme = urls.parse_scheme(text) or ""
    try:
        url = make_url(_hosts_as_parameters(text))
    except (ArgumentError, ValueError):
        if SEVERAL.match(text):
            raise UsageError(
                f'target "{urls.hide_passwords(text)}" names several hosts, and {scheme}:// takes one: name one of them'
            ) from None
        raise UsageError(
            f'target "{urls.hide_passwords(text)}" cannot be read: write {scheme}://user@host:port/database; in a user or password write '
            "@ as %40, : as %3A, / as %2F"
        ) from None
    try:
        kind = url.get_dialect()
        kind = kind.get_async_dialect_cls(url)
        with contextlib.redirect_stdout(
            sys.stderr
        ):  # stdout is for data, whatever a library prints while it is imported
            module = kind.import_dbapi()
        dialect = kind(dbapi=module)  # type: ignore[call-arg] # every dialect takes it
    except ModuleNotFoundError as error:
        raise MissingDriver(
            f'{scheme}:// needs the package "{error.name}": {install(error.name or "")}{_other(scheme)}'
        ) from None
    except ImportError as error:
        raise MissingDriver(unusable_library(scheme, error)) from None
    except IMPORT_ERRORS as error:
        raise _unusable(scheme, error) from error
    return ParsedUrl(text, url, dialect, dialect.is_async, adapter_for(dialect), module)


def _hosts_as_parameters(text: str) -> str:
    """`text` with several hosts of libpq, `h1:1,h2:2`, as `?host=h1,h2&port=1,2`: SQLAlchemy reads a single port in front of the path."""
    found = SEVERAL_HOSTS.fullmatch(text)
    if found is None:
        return text
    scheme, user, hosts, path, query = found.groups(default="")
    pairs = [split_port(unquote(host)) for host in hosts.split(",")]
    names, ports = (quote(",".join(part)) for part in zip(*pairs, strict=True))
    given = f"host={names}" + (f"&port={ports}" if any(port for _, port in pairs) else "")
    return f"{scheme}{user}{path or '/'}?{given}{f'&{query}' if query else ''}"


def _unusable(scheme: str, error: BaseException) -> MissingDriver:
    """The error for a dialect that fails before anything is connected: it was made for another version of SQLAlchemy."""
    words = " ".join(str(error).split())
    return MissingDriver(
        f"the dialect {scheme} cannot be used with SQLAlchemy {sqlalchemy.__version__}: {type(error).__name__}"
        f"{f' {words}' if words else ''}: try another library for this database"
    )


def install(package: str) -> str:
    """The command that installs `package`."""
    root = package.partition(".")[0]
    extra = EXTRAS.get(root)
    return f"pip install 'bulkq[{extra}]'" if extra else f"pip install {DISTRIBUTIONS.get(root, root)}"


def _other(scheme: str) -> str:
    """Another library for the same database, which we have tried."""
    return f" (or write {scheme}+pymysql://: {install('pymysql')})" if scheme in {"mysql", "mariadb"} else ""


def name_of(text: str) -> str | None:
    """SQLAlchemy's name of the dialect of the URL `text`; None where there is none, "" where the URL cannot be read.

    Raises:
        MissingDriver: the dialect is installed, and cannot be imported.
    """
    try:
        url = make_url(_hosts_as_parameters(text))
    except (ArgumentError, ValueError):
        return ""
    try:
        return str(url.get_dialect().name)
    except NoSuchModuleError:
        return None
    except IMPORT_ERRORS as error:
        raise _not_imported(urls.parse_scheme(text) or "", error) from error


def _not_imported(scheme: str, error: BaseException) -> MissingDriver:
    """The error for a dialect whose package cannot be imported: it may lack a package that it needs."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return MissingDriver(f'{scheme}:// needs the package "{error.name}": {install(error.name)}')
    return MissingDriver(unusable_library(scheme, error))
