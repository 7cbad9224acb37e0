"""PgBouncer in transaction mode in front of the test server."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from tests.support.servers import passwords
from tests.support.servers.postgres import address_url
from tests.support.servers.processes import ServerFailed, ServerFolder, answers, end, free_port, wait_until

if TYPE_CHECKING:
    from tests.support.servers.postgres import PostgresServer

SETTINGS = """\
[databases]
* = {server}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
pidfile = {folder}/server.pid
logfile = {folder}/pgbouncer.log
auth_type = any
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 500
"""


def find() -> str | None:
    """The binary; Debian keeps it where an ordinary user's PATH does not look."""
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")


def version() -> str | None:
    """`1.18.0`, or None where it is not installed."""
    binary = find()
    if binary is None:
        return None
    said = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"\d+(\.\d+)+", said)
    return found.group() if found else "?"


class PgBouncer:
    """A pool of `pool_size` server connections per database, handed out per transaction."""

    def __init__(self, server: PostgresServer, pool_size: int = 10) -> None:
        """Start it and wait until it listens."""
        binary = find()
        if binary is None:
            raise ServerFailed("pgbouncer is not installed")
        self.host, self.port = "127.0.0.1", free_port()
        self._folder = ServerFolder("pgbouncer")
        text = SETTINGS.format(server=_line(server), port=self.port, folder=self._folder.path, pool_size=pool_size)
        settings = self._folder.write("pgbouncer.ini", text)
        self._process = self._folder.start([binary, "-q", settings], "output.log")
        try:
            wait_until(self._ready, "PgBouncer does not listen", 10)
        except ServerFailed as error:
            log = self._folder.log("output.log") + self._folder.log("pgbouncer.log")
            self.close()
            raise ServerFailed(f"{error}\n{log}") from None

    def through(self, url: str) -> str:
        """The URL of the same database through the pool."""
        return address_url(url, self.host, self.port)

    def close(self) -> None:
        """Stop it and remove its folder."""
        end(self._process, signal.SIGINT, 5)
        self._folder.close()

    def _ready(self) -> bool:
        if self._process.poll() is not None:
            raise ServerFailed(f"PgBouncer ended with {self._process.returncode}")
        return answers(self.port)


def _line(server: PostgresServer) -> str:
    parts = urlsplit(server.url)
    user = unquote(parts.username or "postgres")
    line = f"host={server.host} port={server.port} user={user}"
    password = passwords.of(user)
    return f"{line} password={password}" if password else line
