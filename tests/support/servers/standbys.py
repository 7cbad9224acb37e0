"""A primary with two standbys that stream from it, for throttles that read replicas, slots and the archive."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from tests.support.servers.postgres import PASSWORD, OwnServer, execute
from tests.support.servers.processes import ServerFailed, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.servers.postgres import Choice

PRIMARY = (
    "archive_mode=on",
    "archive_command=test -e archive_works",
    "autovacuum_naptime=1s",
    "max_wal_senders=10",
    "wal_keep_size=64MB",
    "shared_buffers=16MB",
)
"""Of the primary: its archive command fails without a file in the folder of its data, and its autovacuum looks every second."""

STANDBY = ("shared_buffers=16MB", "archive_mode=off", "wal_retrieve_retry_interval=100ms")
NAMES = ("replica-1", "replica-2")


class Standby(OwnServer):
    """A copy of `primary` that streams from it under an application name."""

    def __init__(self, primary: OwnServer, name: str) -> None:
        """Copy the primary and wait until the copy streams: about a second."""
        self.name = name
        self._primary = primary
        assert primary.binaries is not None
        super().__init__(primary.binaries, settings=(f"cluster_name={name}", *STANDBY))
        wait_until(lambda: self.receiver is not None, f"{name} does not stream")

    @property
    def receiver(self) -> int | None:
        """The process id of its receiver; None while it streams nothing."""
        rows = execute(self.url, "SELECT pid FROM pg_stat_wal_receiver WHERE status = 'streaming'")
        return int(str(rows[0][0])) if rows else None

    def pause(self) -> None:
        """Receive, but replay nothing."""
        execute(self.url, "SELECT pg_wal_replay_pause()")

    def resume(self) -> None:
        """Replay again."""
        execute(self.url, "SELECT pg_wal_replay_resume()")

    def hang(self) -> int:
        """Stop the receiver by SIGSTOP, as a machine that hangs would. `wake` lets it go on."""
        receiver = self.receiver
        if receiver is None:
            raise ServerFailed(f"{self.name} does not stream")
        os.kill(receiver, signal.SIGSTOP)
        return receiver

    def _reachable(self, binaries: Path) -> Path:
        return binaries

    def _fill(self) -> None:
        parts = urlsplit(self._primary.url)
        source = urlunsplit(parts._replace(netloc=f"postgres:{PASSWORD}@{parts.hostname}:{parts.port}"))
        options = ["-R", "--no-sync", "-X", "stream", "-c", "fast", "-d", source, "-D", str(self._data)]
        self._folder.run([str(self._bin / "pg_basebackup"), *options])


def wake(receiver: int) -> None:
    """Let a receiver that was stopped go on."""
    os.kill(receiver, signal.SIGCONT)


class Replication:
    """A primary and its standbys."""

    def __init__(self, choice: Choice) -> None:
        """Start all: about three seconds."""
        self.primary = OwnServer(Path(choice.where), settings=PRIMARY)
        self.standbys: list[Standby] = []
        try:
            for name in NAMES:
                self.standbys.append(Standby(self.primary, name))
        except BaseException:
            self.close()
            raise

    @contextmanager
    def archiving(self) -> Iterator[None]:
        """Let the archive command of the primary work."""
        ((folder,),) = execute(self.primary.url, "SELECT current_setting('data_directory')")
        works = Path(str(folder), "archive_works")
        works.touch()
        try:  # the archiver wakes up when a file is complete, or after a minute
            execute(self.primary.url, "SELECT pg_logical_emit_message(false, '', '')", "SELECT pg_switch_wal()")
            yield
        finally:
            works.unlink()

    def close(self) -> None:
        """Stop all, the standbys first."""
        for server in (*self.standbys, self.primary):
            server.close()
