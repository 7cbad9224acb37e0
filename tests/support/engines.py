"""Databases whose libraries nobody here has written rules for, or only few: each comes as a wheel, with the extra `drivers-test`.

What is done here goes around bulkq: a process of its own opens SQLAlchemy's raw connection, so that a library that wants to be alone is.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

DIRECTLY = """
import json, sys
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool
fairy = create_engine(sys.argv[1], poolclass=NullPool, pool_reset_on_return=None).raw_connection()
connection = fairy.dbapi_connection
rows = []
for statement in json.load(sys.stdin):
    cursor = connection.cursor()
    cursor.execute(statement)
    rows = cursor.fetchall() if cursor.description else []
    cursor.close()
    connection.commit() if sys.argv[2] else None
print("ROWS " + json.dumps([[str(value) for value in row] for row in rows]), flush=True)
import os
os._exit(0)
"""

SERIES = "with recursive s(i) as (select 1 union all select i + 1 from s where i < 1000) "
SLOW_SQLITE = (
    "with recursive s(i) as (select 1 union all select i + 1 from s where i < {n}) select count(*) from s where i > :id"
)


@dataclass(frozen=True)
class Engine:
    """One database with its library.

    Attributes:
        name: as the tests call it.
        url: of a database at `{path}`.
        packages: what has to be installed.
        make: statements that make `items` with 1,000 rows of id, name and qty = 0.
        write: changes one row of `items` to `qty = 7`, by `:id`.
        written: counts the rows that `write` has changed.
        fails: a query by `:id` that fails for 3.
        slow: a query that takes far longer than a second, by `:id`.
        exact: a write can be exactly once.
        counts: changed rows are counted.
        late: what becomes of a query that is too slow: failed, or unknown.
    """

    name: str
    url: str
    packages: tuple[str, ...]
    make: tuple[str, ...]
    fails: str
    slow: str
    write: str = "update items set qty = 7 where id = :id"
    written: str = "select count(*) from items where qty = 7"
    exact: bool = False
    counts: bool = True
    late: str = "failed"
    commits: bool = True
    environment: dict[str, str] = field(default_factory=dict)

    def missing(self) -> str:
        """Why it cannot be tested here; "" where it can."""
        for package in self.packages:
            try:
                version(package)
            except PackageNotFoundError:
                return f"{package} is not installed"
        if self.name == "firebird" and not _loads():
            return "libtommath.so.1 is not installed (Debian: libtommath1)"
        return ""

    def execute(self, url: str, *statements: str) -> list[list[str]]:
        """Rows of the last of `statements`, as text."""
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", DIRECTLY, url, "1" if self.commits else ""],
            input=json.dumps(statements),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=os.environ | self.environment,
        )
        found = [line for line in done.stdout.splitlines() if line.startswith("ROWS ")]
        assert found, done.stderr
        rows: list[list[str]] = json.loads(found[0].removeprefix("ROWS "))
        return rows


def _runtime() -> Path:
    """Where the wheel of Firebird has its engine."""
    spec = importlib.util.find_spec("firebird")
    places = spec.submodule_search_locations if spec is not None else None
    return Path(next(iter(places or [""]))) / "embedded" / "runtime"


def _loads() -> bool:
    program = f"import ctypes; ctypes.CDLL({str(_runtime() / 'libfbclient.so.2')!r})"
    return (
        subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, env=FIREBIRD).returncode == 0
    )


FIREBIRD = {"FIREBIRD": str(_runtime()), "LD_LIBRARY_PATH": str(_runtime())}
SQLITE = (
    "create table items (id integer primary key, name text, qty integer not null default 0)",
    f"insert into items {SERIES} select i, 'n' || i, 0 from s",
)
FAILS_SQLITE = "select id, json(case when id = 3 then '{{' else '1' end) as j from items where id = :id".replace(
    "{{", "{"
)

ENGINES = (
    Engine(
        "turso",
        "sqlite+turso:///{path}",
        ("pyturso",),
        SQLITE,
        FAILS_SQLITE,
        SLOW_SQLITE.format(n=300_000_000),
        exact=True,
    ),
    Engine(
        "libsql",
        "sqlite+libsql:///{path}",
        ("sqlalchemy-libsql",),
        SQLITE,
        FAILS_SQLITE,
        SLOW_SQLITE.format(n=20_000_000),  # it cannot be ended, and keeps the interpreter
        exact=True,
    ),
    Engine(
        "adbc",
        "adbc+sqlite:///{path}",
        ("sqlalchemy-adbc", "adbc-driver-sqlite"),
        SQLITE,
        FAILS_SQLITE,
        SLOW_SQLITE.format(n=300_000_000),
        exact=True,
        late="unknown",
    ),
    Engine(
        "sqlcipher",
        "sqlite+pysqlcipher://:key@/{path}",
        ("sqlcipher3-binary",),
        SQLITE,
        FAILS_SQLITE,
        SLOW_SQLITE.format(n=300_000_000),
        exact=True,
    ),
    Engine(
        "chdb",
        "chdb:///{path}",
        ("chdb-sqlalchemy",),
        (
            "create table items (id Int32, name String, qty Int32) engine = MergeTree order by id",
            "insert into items select number + 1, concat('n', toString(number + 1)), 0 from numbers(1000)",
        ),
        "select name, throwIf(id = 3)::String as v from items where id = :id",
        "select count() from numbers(1000000000000) where number % 7 = :id",
        write="insert into items values (:id + 5000, 'w', 7)",
        counts=False,
        late="unknown",
        commits=False,
    ),
    Engine(
        "firebird",
        f"firebird+firebird://SYSDBA@/{{path}}?fb_client_library={_runtime()}/libfbclient.so.2",
        ("sqlalchemy-firebird", "firebird-driver", "firebird-embedded"),
        (
            "create table items (id integer primary key, name varchar(20), qty integer)",
            f"insert into items {SERIES.replace('select 1', 'select 1 from rdb$database')} select i, 'n' || i, 0 from s",
        ),
        "select id, 10 / (id - 3) as q from items where id = :id",
        "select count(*) from items a, items b, items c where a.id + b.id + c.id > :id",
        environment=FIREBIRD,
    ),
)
