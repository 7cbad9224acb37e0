"""One database library per module, and the table of URL schemes that leads to them.

A new driver is a module with `open(url, *, application_name, read_only) -> Driver`, or a class in it with such a method, and one
line: in `SCHEMES`, or, in a package of its own, an entry point of the group `bulkq.drivers`. It is imported when the first target
needs it. Any other scheme is SQLAlchemy's: `bulkq.drivers.dbapi` takes any dialect that is installed. See docs/drivers.md.

asyncpg, sqlite, dbapi    drivers
libpq                     URLs, service files and environment, for all drivers of PostgreSQL

What drivers share:

optional_connection_methods, check_driver_protocols    what is optional, and what a driver lacks
bind_parameters, parameter_limit, lock_order           sets -> arguments, how many, in which order
prepare_attempt_steps, statement_cache, build_reply, expected_rows    parts of an attempt
threads, leftover_threads                              libraries that block
tls_url_options, postgresql_read_only_errors, objects_outside_tenant_schema    one database through several libraries
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bulkq.dialects import DEFAULT, dialect_for
from bulkq.errors import MissingDriver, UsageError
from bulkq.model.frozen_dataclass import frozen
from bulkq.text import urls
from bulkq.text.failed_import import IMPORT_ERRORS, is_from_bulkq, unusable_library
from bulkq.text.message_parts import find_nearest

if TYPE_CHECKING:
    from bulkq.protocols import Driver

EXAMPLE = "postgresql://user@host/database or sqlite:///file.db"


@frozen
class DriverEntry:
    """Where a scheme leads: the module of its driver, or `module:Class`, the library that it imports, and what installs that."""

    module: str
    package: str
    install: str
    dialect: str = ""
    """As `bulkq.query` and `bulkq.markers` know it; "" for what stands before the `+` of the scheme."""
    plain_files: bool = False
    """Its databases are files that it cannot decrypt, so a URL has no password."""


GROUP = "bulkq.drivers"
"""Entry points of other packages: the scheme, and the class or module of its driver, which may name its dialect."""

_POSTGRESQL = DriverEntry("bulkq.drivers.asyncpg", "asyncpg", "pip install 'asyncpg>=0.32'", "postgres")
_SQLITE = DriverEntry(
    "bulkq.drivers.sqlite.aiosqlite", "aiosqlite", "pip install 'aiosqlite>=0.22.1'", plain_files=True
)
SCHEMES = {
    "postgresql": _POSTGRESQL,
    "postgres": _POSTGRESQL,
    "sqlite": _SQLITE,
    "postgresql+asyncpg": _POSTGRESQL,
    "sqlite+aiosqlite": _SQLITE,
    "duckdb": DriverEntry("bulkq.drivers.dbapi.duckdb_file", "duckdb", "pip install 'bulkq[duckdb]'", plain_files=True),
    "sqlite+apsw": DriverEntry("bulkq.drivers.dbapi.apsw_file", "apsw", "pip install 'bulkq[apsw]'"),
    "sqlite+pysqlite": DriverEntry(
        "bulkq.drivers.sqlite.pysqlite", "sqlite3", "build Python with SQLite", plain_files=True
    ),
}
FILE_URL = "sqlite:///"
URLS = {"postgresql://": "PostgreSQL", FILE_URL: "SQLite file"}
"""Beginnings of URLs that need nothing else installed, and what they lead to."""

LIBRARIES = ("asyncpg", "aiosqlite", "sqlalchemy")
"""Distributions that drivers of ours are made for."""

_OTHERS = DriverEntry("bulkq.drivers.dbapi", "sqlalchemy", "pip install 'sqlalchemy[asyncio]>=2.1'")
EXTRAS = {"duckdb": "duckdb"}
"""Dialects that come in a package of their own, and our extra that installs it."""

BROUGHT_BY = {
    "bigquery": "sqlalchemy-bigquery",
    "chdb": "chdb-sqlalchemy",
    "clickhouse": "clickhouse-sqlalchemy",
    "cockroachdb": "sqlalchemy-cockroachdb",
    "databricks": "databricks-sqlalchemy",
    "excel": "excel-dbapi",
    "firebird": "sqlalchemy-firebird",
    "hsqldb": "sqlalchemy-hsqldb",
    "redshift": "sqlalchemy-redshift",
    "shillelagh": "shillelagh",
    "snowflake": "snowflake-sqlalchemy",
    "sqlite+libsql": "sqlalchemy-libsql",
    "sqlite+turso": "pyturso",
    "sqlite+aioturso": "pyturso",
    "adbc": "sqlalchemy-adbc",
    "trino": "trino",
}
"""Dialects, or one library of a dialect, and the package that brings them."""


def open_driver(url: str, *, application_name: str = "bulkq", read_only: bool) -> Driver:
    """The driver for `url`; nothing is connected yet.

    Args:
        url: a target URL; what TLS it wants stands in it (`?sslmode=verify-full`).
        application_name: how the server's lists of sessions show us.
        read_only: sessions that cannot write, whatever the limits of an attempt say.

    Raises:
        UsageError: no scheme, an unknown one, or a URL that its driver cannot read.
        MissingDriver: the driver's library is not installed, or cannot be imported.
    """
    scheme = urls.parse_scheme(url)
    if scheme is None:
        raise UsageError(f'target "{urls.hide_passwords(url)}" is not a URL: write it like {EXAMPLE}')
    entry = SCHEMES.get(scheme) or _registered(scheme)
    if entry is None:
        if _asked(url) is None:
            raise _unknown(scheme)
        entry = _OTHERS
    try:
        opener = load(entry)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != entry.package:
            raise
        raise MissingDriver(f'{scheme}:// needs the package "{entry.package}": {entry.install}') from None
    except IMPORT_ERRORS as error:  # a library that does not fit this machine
        if is_from_bulkq(error):
            raise
        raise MissingDriver(unusable_library(scheme, error)) from error
    driver: Driver = opener.open(url, application_name=application_name, read_only=read_only)
    return driver


def load(entry: DriverEntry) -> Any:
    """The module or class of `entry`, which has `open`."""
    module, _, name = entry.module.partition(":")
    return getattr(import_module(module), name) if name else import_module(module)


def takes_password(url: str) -> bool:
    """Whether the driver of `url` can use a password; one of another package can."""
    entry = SCHEMES.get(urls.parse_scheme(url) or "")
    return entry is None or not entry.plain_files


def dialect_of(url: str) -> str:
    """How SQL for `url` is scanned: the name that `bulkq.query` knows the dialect by; `DEFAULT` where there is no target."""
    scheme = urls.parse_scheme(url) or DEFAULT
    kind = scheme.partition("+")[0]
    if dialect_for(kind).name == DEFAULT:
        return DEFAULT
    try:
        entry = SCHEMES.get(scheme) or _registered(scheme)
        name = (entry.dialect or kind) if entry else _asked(url) or kind
    except MissingDriver:  # `open_driver` says so, if anything is to be connected
        name = kind
    return dialect_for(name).name


@cache
def _registered(scheme: str) -> DriverEntry | None:
    """The driver for `scheme` of another package that is installed.

    Raises:
        MissingDriver: it cannot be imported.
    """
    from importlib.metadata import entry_points

    for point in entry_points(group=GROUP, name=scheme):
        try:
            found = point.load()
        except IMPORT_ERRORS as error:
            raise MissingDriver(unusable_library(scheme, error)) from error
        return DriverEntry(point.value, "", "", getattr(found, "DIALECT", "") or getattr(found, "name", ""))
    return None


def _asked(url: str) -> str | None:
    """SQLAlchemy's name of the dialect of `url`, or None."""
    from bulkq.drivers.dbapi import sqlalchemy_urls

    return sqlalchemy_urls.name_of(url)


def _unknown(scheme: str) -> UsageError:
    extra = EXTRAS.get(scheme.partition("+")[0])
    if extra:
        return MissingDriver(f"{scheme}:// needs a package that is not installed: pip install 'bulkq[{extra}]'")
    brought = BROUGHT_BY.get(scheme) or BROUGHT_BY.get(scheme.partition("+")[0])
    if brought:
        return MissingDriver(f"{scheme}:// needs a package that is not installed: pip install {brought}")
    if "+" in scheme:
        return UsageError(
            f'no driver for "{scheme}://": install the package that brings this SQLAlchemy dialect, or correct the name after "+"'
        )
    near = find_nearest(scheme, [*SCHEMES, *EXTRAS, "mysql+pymysql", "mysql+aiomysql"])
    guess = f", did you mean {near}://?" if near else ""
    return UsageError(
        f'no driver for "{scheme}://"{guess} (known: postgresql://, sqlite://, and every SQLAlchemy dialect that is installed)'
    )
