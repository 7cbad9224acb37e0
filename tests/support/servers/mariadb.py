"""A MariaDB of the tests' own, from the binaries of a Debian package.

It runs as an ordinary user, on a free port of 127.0.0.1 and a unix socket in its folder, without a password.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.support.servers.processes import ServerFailed, ServerFolder, answers, end, free_port, wait_until

if TYPE_CHECKING:
    from pathlib import Path

PLACES = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin"
SETTINGS = (
    "--no-defaults",
    "--bind-address=127.0.0.1",
    "--skip-log-bin",
    "--skip-name-resolve",
    "--performance-schema=off",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=16M",
    "--max-recursive-iterations=1000000",
    "--character-set-server=utf8mb4",
)


def find(name: str = "mariadbd") -> str | None:
    """The binary; Debian keeps the server where an ordinary user's PATH does not look."""
    return shutil.which(name) or shutil.which(name, path=PLACES)


def version() -> str | None:
    """`10.11.19`, or None where it is not installed."""
    binary = find()
    if binary is None or find("mariadb-install-db") is None:
        return None
    said = subprocess.run([binary, "--no-defaults", "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"(\d+(\.\d+)+)-MariaDB", said)
    return found[1] if found else "?"


def execute(url: str, *statements: str) -> list[tuple[object, ...]]:
    """Execute statements one by one in autocommit on the database of `url`; the rows of the last."""
    import pymysql

    place = urlsplit(url)
    connection = pymysql.connect(
        host=place.hostname,
        port=place.port or 3306,
        user=place.username,
        database=place.path.removeprefix("/") or None,
        autocommit=True,
        charset="utf8mb4",
    )
    try:
        cursor = connection.cursor()
        rows: list[tuple[object, ...]] = []
        for statement in statements:
            cursor.execute(statement)
            rows = list(cursor.fetchall()) if cursor.description else []
        return rows
    finally:
        connection.close()


class MariaDB:
    """A running server."""

    def __init__(self, *settings: str) -> None:
        """Make its data folder and start it with further `settings`: two to three seconds."""
        binary, installer = find(), find("mariadb-install-db")
        if binary is None or installer is None:
            raise ServerFailed("mariadb is not installed")
        self.host, self.port = "127.0.0.1", free_port()
        self._folder = ServerFolder("maria")
        self._process: subprocess.Popen[bytes] | None = None
        data, socket = self._folder.data(), self._folder.path / "server.sock"
        try:
            self._install(installer, data)
            options = [*SETTINGS, *settings, f"--datadir={data}", f"--socket={socket}", f"--port={self.port}"]
            files = [f"--pid-file={self._folder.path / 'server.pid'}", f"--tmpdir={self._folder.path}"]
            self._process = self._folder.start([binary, *options, *files], "server.log")
            wait_until(self._ready, "MariaDB is not ready")
        except ServerFailed as error:
            log = self._folder.log("server.log")
            self.close()
            raise ServerFailed(f"{error}\n{log}") from None

    def _install(self, installer: str, data: Path) -> None:
        options = ["--auth-root-authentication-method=normal", "--skip-test-db", f"--tmpdir={self._folder.path}"]
        self._folder.run([installer, "--no-defaults", f"--datadir={data}", *options, "--innodb-log-file-size=16M"])

    def url(self, database: str) -> str:
        """The URL of a database, through PyMySQL."""
        return f"mysql+pymysql://root@{self.host}:{self.port}/{database}"

    def execute(self, database: str, *statements: str) -> list[tuple[object, ...]]:
        """Execute statements one by one in autocommit; the rows of the last."""
        return execute(self.url(database), *statements)

    def close(self) -> None:
        """Stop it and remove its folder."""
        if self._process is not None:
            end(self._process, signal.SIGTERM, 10)
            self._process = None
        self._folder.close()

    def _ready(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise ServerFailed(f"MariaDB ended with {self._process.returncode}")
        return answers(self.port)
