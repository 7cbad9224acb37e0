"""Options, report header and fixtures of every test: real servers, a faulty network, the command line as a process."""

from __future__ import annotations

import gc
import os
import shutil
import sqlite3
import sys
from collections import Counter
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4
from zlib import crc32

import asyncpg
import pytest
import pytest_asyncio
from coverage import Coverage
from hypothesis import settings

# At the end of the path: `tests` is found here, while an installed bulkq comes before the tree's.
sys.path.append(str(Path(__file__).parents[1]))

from tests.support.command import Cli
from tests.support.engines import ENGINES
from tests.support.forks import Forks, suite_coverage_environment
from tests.support.servers import mariadb as maria
from tests.support.servers import pgbouncer as bouncer
from tests.support.servers import postgres as servers
from tests.support.servers.processes import MEMORY, room_in_memory
from tests.support.servers.proxy import Proxy
from tests.support.sqlite_files import SqliteFile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator

    from xdist.workermanage import WorkerController

MORE_KILLS = 12
"""Who asks for more kills than this asks for the long tests too."""

UNIT = Path(__file__).parent / "unit"

FOLLOWED = 2
"""Parameter sets of a test that coverage follows, of four or more; of fewer, one."""

THINNED = {
    "crash/test_failpoints.py::test_dies_there_and_goes_on": 6,
    "contract/test_duckdb_batch_forms.py::test_every_type_of_value_and_of_result": 6,
    "contract/test_driver_forms.py::test_what_shapes_the_text_of_copy_shapes_ours": 2,
    "contract/test_columnar_types.py::test_every_type": 2,
    "integration/test_schemas.py::test_a_table_that_a_tenant_lacks_is_an_error": 3,
    "integration/test_schemas.py::test_what_is_meant_is_taken": 2,
    "integration/test_source_timeouts.py::test_a_query_that_never_ends_is_ended": 3,
    "integration/test_libpq.py::test_what_cannot_be_honoured_is_one_line": 2,
    "integration/test_write_order.py::test_equal_is_what_the_database_calls_equal": 2,
    "integration/mariadb/test_procedures.py::test_a_procedure_with_its_own_transaction": 2,
    "integration/mariadb/test_tables_without_transactions.py::test_tables_without_transactions_are_found": 2,
    "acceptance/commands/test_run.py::test_a_closed_stdout_is_quiet": 3,
    "acceptance/test_completion.py::test_a_shell_completes_a_word": 3,
    "acceptance/test_completion.py::test_a_completion_is_silent": 3,
    "crash/test_backfill_kills.py::test_killed_backfills_change_each_row_once": 2,
    "crash/test_ends.py::test_ended_runs_leave_nothing_open": 3,
    "integration/test_key_cutter.py::test_every_row_is_in_one_range": 4,
    "integration/test_write_order.py::test_the_last_line_of_a_key_wins": 4,
    "integration/test_identifiers.py::test_a_missing_table_is_the_failure_of_its_set": 3,
    "integration/test_output_order.py::test_all_others_are_answered_behind_a_gap": 2,
    "integration/test_outage.py::test_the_server_restarts": 2,
    "integration/test_read_only.py::test_no_trick_changes_postgresql": 2,
    "acceptance/resume/test_outputs.py::test_an_output_ends_as_if_never_stopped": 2,
    "acceptance/test_batch_forms.py::test_poison_costs_few_attempts": 2,
    "acceptance/test_batch_forms.py::test_a_killed_run_is_resumed": 2,
    "contract/test_duckdb_batch_forms.py::test_one_statement_answers_as_many_executions": 3,
    "integration/backfill/test_undo.py::test_kills": 2,
    "acceptance/test_flow.py::test_the_flow_of_a_command_stays_short": 2,
    "contract/test_batch_forms.py::test_what_would_answer_otherwise_is_executed_set_by_set": 2,
    "contract/test_driver_forms.py::test_every_form_of_statement_gives_the_text_of_copy": 3,
    "contract/claims/test_attempt_steps.py::test_a_step_has_the_time_of_a_set": 3,
    "contract/claims/test_attempt_steps.py::test_a_step_that_fails_undoes_the_batch": 2,
    "contract/test_report_texts.py::test_every_format_is_printable_text": 3,
    "contract/test_report_texts.py::test_markdown_renders_as_text": 2,
}
"""Tests of which one in so many parameter sets is executed; the others show more of the same, and are left to `--long`."""

SHARED = {
    "integration/test_identifiers.py": 3,
    "integration/test_libpq.py": 2,
    "integration/test_schemas.py": 2,
    "integration/test_write_order.py": 2,
    "integration/test_read_only_sessions.py": 2,
    "integration/run/test_stops.py": 3,
    "contract/test_driver_lengths.py": 2,
    "contract/test_driver_many_parameters.py": 2,
    "acceptance/test_encodings.py": 2,
}
"""Files of whose tests, once for each set of other parameters, one in so many drivers is executed, in turn.

So each test is there, and each driver in some tests of the file; the others show more of the same, and are left to `--long`.
"""

DRIVERS = {
    *("aiomysql", "aiosqlite", "apsw", "asyncpg", "duckdb", "psycopg", "psycopg2", "pymysql", "pysqlite"),
    *("pgbouncer", "postgresql", "postgresql+psycopg", "postgresql+psycopg2", "sqlite"),
}
"""Words in the names of parameter sets that stand for a driver or what it is tried on."""

POOLED = 3
"""Of so many tests that run on PostgreSQL one runs through pgbouncer too, whose name chooses it; `--long` runs the others."""

POOLED_IN = ("integration/run/", "contract/claims/", "integration/test_fan_out.py")
"""Where that is so."""

UNFOLLOWED: set[str] = set()
"""Node ids of the parameter sets that coverage does not follow."""

CHOICE = pytest.StashKey[servers.Choice]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--pg` forces where PostgreSQL comes from; the crash suite takes its numbers here, so that every run knows them."""
    parser.addoption("--pg", choices=servers.SOURCES, default=None, help="force where the tests' PostgreSQL comes from")
    parser.addoption("--long", action="store_true", help="also run the tests that take long and show more of the same")
    group = parser.getgroup("crash", "how often the crash suite kills")
    group.addoption("--kills", type=int, default=12, help="SIGKILLs of the kill loop, over all its targets")
    group.addoption("--crash-seed", type=int, default=None, help="replay the moments of an earlier run")
    group.addoption("--crash-rows", type=int, default=4_000, help="rows that a killed write run changes")
    group.addoption("--crash-reads", type=int, default=10_000, help="rows that a killed read run exports")
    group.addoption("--read-kills", type=int, default=3, help="SIGKILLs per read run")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests that are marked `long`, unless `--long` asks for them; choose what coverage follows."""
    left_out: set[str] = set()
    if not config.getoption("--long") and config.getoption("--kills") <= MORE_KILLS:
        long = [item for item in items if item.get_closest_marker("long") is not None]
        left_out.update(item.nodeid for item in long)
        left_out.update(_choose_left_out([item for item in items if item.nodeid not in left_out]))
        for item in items:
            if item.nodeid in left_out:
                item.add_marker(pytest.mark.skip(reason="long: run with --long"))
    UNFOLLOWED.update(_choose_unfollowed([item for item in items if item.nodeid not in left_out]))


def _choose_unfollowed(items: list[pytest.Item]) -> Iterator[str]:
    """All parameter sets of a test but one or two, which its name chooses: so each driver is followed in some tests.

    The others execute the same lines, and coverage takes half as long as they. A unit test needs all to show every branch.
    """
    sets: dict[str, list[str]] = {}
    for item in items:
        if isinstance(item, pytest.Function) and hasattr(item, "callspec") and UNIT not in item.path.parents:
            sets.setdefault(f"{item.path.name}::{item.originalname}", []).append(item.nodeid)
    for test, found in sets.items():
        first = crc32(test.encode()) % len(found)
        followed = {first, (first + len(found) // 2) % len(found)} if len(found) >= 2 * FOLLOWED else {first}
        yield from (node for place, node in enumerate(found) if place not in followed)


def _choose_left_out(items: list[pytest.Item]) -> Iterator[str]:
    """The parameter sets that are left to `--long` by `POOLED`, `THINNED` and `SHARED`."""
    sets: dict[tuple[str, str], list[pytest.Function]] = {}
    for item in items:
        if isinstance(item, pytest.Function) and hasattr(item, "callspec"):
            file = item.path.relative_to(Path(__file__).parent).as_posix()
            sets.setdefault((file, f"{file}::{item.originalname}"), []).append(item)
    turns: Counter[str] = Counter()
    for (file, test), found in sets.items():
        kept = found
        if file.startswith(POOLED_IN) and crc32(test.encode()) % POOLED:
            kept = [item for item in found if "pgbouncer" not in item.callspec.id.split("-")] or found
        if test in THINNED:
            kept = kept[:: THINNED[test]]
        elif file in SHARED:
            kept = [item for some in _by_other_parameters(kept) for item in _take_turn(some, SHARED[file], turns, file)]
        yield from {item.nodeid for item in found} - {item.nodeid for item in kept}


def _by_other_parameters(items: list[pytest.Function]) -> Iterator[list[pytest.Function]]:
    """Parameter sets that differ in nothing but the driver."""
    groups: dict[tuple[str, ...], list[pytest.Function]] = {}
    for item in items:
        others = tuple(word for word in item.callspec.id.split("-") if word not in DRIVERS)
        groups.setdefault(others, []).append(item)
    yield from groups.values()


def _take_turn(items: list[pytest.Function], every: int, turns: Counter[str], file: str) -> Iterator[pytest.Function]:
    """One in `every`, from a place that goes round in the file."""
    first = turns[file] % min(every, len(items))
    turns[file] += 1
    yield from items[first::every]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Stop coverage during a parameter set that it need not follow, also in the processes that it starts."""
    environment = suite_coverage_environment()
    followed = Coverage.current() if item.nodeid in UNFOLLOWED else None
    if followed is None:
        return (yield)
    followed.stop()
    for name in environment:
        del os.environ[name]
    try:
        return (yield)
    finally:
        os.environ.update(environment)
        end = os._exit
        followed.start()
        os._exit = end  # each start wraps it once more, to save what was seen


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Run the whole suite in two processes more than there are processors, since tests wait more than they compute; a part in one."""
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.option.keyword
    return (os.cpu_count() or 1) + 2 if whole else 0


def pytest_configure(config: pytest.Config) -> None:
    """Workers of xdist take the decision of the process that printed it; nobody reads the configuration of whoever runs this."""
    settings.register_profile("suite", deadline=None)  # a busy machine is no fault of a test
    settings.load_profile("suite")
    os.environ["XDG_CONFIG_HOME"] = os.devnull
    os.environ.pop("BULKQ_CONFIG", None)
    own = mkdtemp(prefix="bq-")  # a short name: the paths of sockets are in it
    config.add_cleanup(partial(shutil.rmtree, own, ignore_errors=True))
    os.environ["XDG_RUNTIME_DIR"] = os.environ["XDG_STATE_HOME"] = (
        own  # no run of a test is one of the user's live runs
    )
    if room_in_memory():  # files of tests are written, synced and gone: half the time of a run in a test was the disk's
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))
    given = getattr(config, "workerinput", {}).get("bulkq_postgres")
    if given:
        config.stash[CHOICE] = servers.Choice(*given)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    """Tell a worker of xdist where PostgreSQL comes from."""
    choice = chosen(node.config)
    node.workerinput["bulkq_postgres"] = (choice.source, choice.where, choice.version)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Look for garbage neither while the tests are collected nor, later, among them: that is a fifth of a collection."""
    gc.disable()
    try:
        _import_a_share(session)
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def _import_a_share(session: pytest.Session) -> None:
    """Import a share of the test files first: pytest compiles them, which is half of a collection, and all workers of xdist need all."""
    ours = getattr(session.config, "workerinput", None)
    if ours is None or sys.dont_write_bytecode:
        return
    files = sorted(Path(__file__).parent.rglob("test_*.py"))
    for file in files[int(ours["workerid"].removeprefix("gw")) :: ours["workercount"]]:
        with suppress(Exception, pytest.skip.Exception):  # the collection says what is wrong with it
            import_module(".".join(file.relative_to(session.config.rootpath).with_suffix("").parts))


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Which servers this run uses; what is not installed is not tested, and the header is where that is said."""
    try:
        postgres = str(chosen(config))
    except Exception as error:
        postgres = f"none: {error}"
    others = f"pgbouncer: {bouncer.version() or 'not installed'}, mariadb: {maria.version() or 'not installed'}"
    readers = ", ".join(f"{name}: {shutil.which(name) or 'not installed'}" for name in ("prove", "chromium"))
    missing = {engine.name: engine.missing() for engine in ENGINES}
    engines = ", ".join(f"{name}: {reason or 'installed'}" for name, reason in missing.items())
    return [
        f"postgresql: {postgres}",
        f"{others}, sqlite: {sqlite3.sqlite_version}",
        f"any driver: {engines}",
        f"readers of reports: {readers}",
    ]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> object:
    """A test that stops the server is skipped where the server is not ours."""
    try:
        return (yield)
    except servers.NotOurs as error:
        pytest.skip(str(error))


def chosen(config: pytest.Config) -> servers.Choice:
    """Where PostgreSQL comes from, decided once."""
    if CHOICE not in config.stash:
        config.stash[CHOICE] = servers.choose(config.getoption("--pg"))
    return config.stash[CHOICE]


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> Iterator[servers.PostgresServer]:
    """The server, started with the first test that needs it. None to be had is an error, never a skip."""
    server = servers.open_server(chosen(pytestconfig))
    yield server
    server.close()


@pytest.fixture(scope="session")
def template(postgres: servers.PostgresServer) -> Iterator[str]:
    """Name of the database that the others are cloned from: a fresh one, in UTF-8."""
    name = f"bulkq_template_{uuid4().hex[:12]}"
    servers.execute(postgres.url, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    yield name
    servers.execute(postgres.url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def administrator(postgres: servers.PostgresServer) -> Iterator[servers.Administrator]:
    """Makes and drops the databases of the tests."""
    session = servers.Administrator(postgres.url)
    yield session
    session.close()


@pytest.fixture(scope="session")
def postgres_url(
    postgres: servers.PostgresServer, template: str, administrator: servers.Administrator
) -> Iterator[str]:
    """URL of one database for the whole session, empty at first; for tests that clean up or only read."""
    yield from _clone(postgres, template, administrator)


@pytest.fixture
def database(postgres: servers.PostgresServer, template: str, administrator: servers.Administrator) -> Iterator[str]:
    """URL of an empty database of the test's own."""
    yield from _clone(postgres, template, administrator)


@pytest.fixture
def password_url(postgres: servers.PostgresServer, postgres_url: str) -> Iterator[str]:
    """URL of a role from whom the server wants the password `right`."""
    role = f"locked_{uuid4().hex[:8]}"
    servers.execute(postgres.url, f"CREATE ROLE {role} LOGIN PASSWORD 'right'")
    parts = urlsplit(postgres_url)
    url = urlunsplit(parts._replace(netloc=f"{role}@{parts.hostname}:{parts.port}"))
    if _gets_in(url):
        pytest.skip("the server of BULKQ_TEST_POSTGRES_URL asks this role for no password")
    yield url
    servers.execute(postgres.url, f"DROP ROLE {role}")


@pytest.fixture
def sqlite_file(tmp_path: Path) -> SqliteFile:
    """Makes SQLite database files in the test's folder."""
    return SqliteFile(tmp_path)


@pytest.fixture(scope="session")
def pgbouncer(postgres: servers.PostgresServer) -> Iterator[bouncer.PgBouncer]:
    """A pool in transaction mode; `.through(url)` gives a database's URL through it."""
    if bouncer.find() is None:
        pytest.skip("pgbouncer is not installed (apt-get install pgbouncer)")
    pool = bouncer.PgBouncer(postgres)
    yield pool
    pool.close()


@pytest.fixture(scope="session")
def mariadb() -> Iterator[maria.MariaDB]:
    """The server, started with the first test that needs it."""
    if maria.version() is None:
        pytest.skip("mariadb is not installed (apt-get install mariadb-server)")
    server = maria.MariaDB()
    yield server
    server.close()


@pytest.fixture
def mariadb_database(mariadb: maria.MariaDB) -> Iterator[tuple[maria.MariaDB, str]]:
    """The server and the name of an empty database of the test's own."""
    name = f"bulkq_{uuid4().hex[:12]}"
    mariadb.execute("", f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    yield mariadb, name
    mariadb.execute("", f"DROP DATABASE IF EXISTS {name}")


@pytest_asyncio.fixture(loop_scope="session")
async def proxy(postgres: servers.PostgresServer) -> AsyncIterator[Proxy]:
    """A network to the server that can be broken; `.through(url)` gives a database's URL through it."""
    network = Proxy(postgres.host, postgres.port)
    await network.open()
    yield network
    await network.close()


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Makes processes of bulkq for `cli`."""
    made = Forks()
    yield made
    made.close()


@pytest.fixture
def cli(tmp_path: Path, forks: Forks) -> Iterator[Cli]:
    """`cli("run", ...)` runs bulkq and gives exit code, stdout and stderr; `cli.start(...)` gives the process."""
    command = Cli(tmp_path, forks)
    yield command
    command.close()


def _clone(postgres: servers.PostgresServer, template: str, administrator: servers.Administrator) -> Iterator[str]:
    name = f"bulkq_{uuid4().hex[:12]}"
    # Copying files takes half the time of writing every page to the log, the default since this option exists.
    strategy = "STRATEGY file_copy" if postgres.version_num >= 150000 else ""
    administrator.execute(f"CREATE DATABASE {name} TEMPLATE {template} {strategy}")
    yield servers.database_url(postgres.url, name)
    administrator.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _gets_in(url: str) -> bool:
    """Whether the server takes a session without a password."""
    try:
        servers.execute(url, "SELECT 1")
    except asyncpg.InvalidPasswordError:
        return False
    return True
