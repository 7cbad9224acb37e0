"""PostgreSQL in a container, through testcontainers.

Docker is probed cheaply: without a sign of an engine nothing is imported, and an engine has two seconds to answer.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.support.servers import passwords
from tests.support.servers.postgres import PASSWORD, SETTINGS, STOPS, ask_version
from tests.support.servers.processes import Keeper, ServerFailed, answers, free_port, wait_until

IMAGE = os.environ.get("BULKQ_TEST_POSTGRES_IMAGE", "postgres:18-alpine")
HOST_VARIABLE = "TESTCONTAINERS_HOST_OVERRIDE"


def find_image() -> str | None:
    """The image's name when an engine answers and has it or can get it."""
    signs = ("/var/run/docker.sock", "~/.docker/run/docker.sock", "~/.docker/contexts")
    if not os.environ.get("DOCKER_HOST") and not any(Path(sign).expanduser().exists() for sign in signs):
        return None
    if find_engine() is None:
        return None
    import docker

    try:
        client = docker.from_env()
        try:
            _ensure(client)
        finally:
            client.close()
    except (docker.errors.DockerException, OSError):
        return None
    return IMAGE


def find_engine() -> str | None:
    """The engine's version, or None when it does not answer within two seconds."""
    import docker

    try:
        client = docker.from_env(timeout=2)
        try:
            return str(client.version()["Version"])
        finally:
            client.close()
    except (docker.errors.DockerException, OSError):
        return None


def _ensure(client: object) -> None:
    import docker

    assert isinstance(client, docker.DockerClient)
    try:
        client.images.get(IMAGE)
    except docker.errors.ImageNotFound:
        client.images.pull(IMAGE)


class ContainerServer:
    """A container with a published port of our choice, so that it keeps its address over a restart."""

    def __init__(self, image: str) -> None:
        """Start it and wait until it answers."""
        # "localhost" may mean ::1, where nothing is published.
        self.host = os.environ.setdefault(HOST_VARIABLE, "127.0.0.1")
        # The reaper is one more image to pull; our own keeper removes the container of a killed test run.
        os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
        from testcontainers.community.postgres import PostgresContainer

        self.port = free_port()
        container = PostgresContainer(image, username="postgres", password=PASSWORD, dbname="postgres", driver=None)
        container.with_bind_ports(5432, self.port)
        container.with_command(["postgres", *(part for setting in SETTINGS for part in ("-c", setting))])
        self._container = container.start()
        self._keeper = Keeper("container", str(container.get_wrapped_container().id))
        self.url = passwords.remember(f"postgresql://postgres:{PASSWORD}@{self.host}:{self.port}/postgres")
        try:
            self._wait()
            self.version, self.version_num = ask_version(self.url)
        except BaseException:
            self.close()
            raise
        found = shutil.which("psql")
        self.binaries = Path(found).parent if found else None

    def start(self) -> None:
        """Start the same container again."""
        self._container.get_wrapped_container().start()
        self._wait()

    def stop(self, mode: str = "fast") -> None:
        """Signal the server, which is the container's first process, and wait for the container's end."""
        wrapped = self._container.get_wrapped_container()
        wrapped.kill(signal=STOPS[mode].name)
        wrapped.wait(timeout=30)

    def restart(self, mode: str = "fast") -> None:
        """Stop, then start."""
        self.stop(mode)
        self.start()

    def close(self) -> None:
        """Remove the container."""
        self._container.stop(force=True, delete_volume=True)
        self._keeper.close()

    def _wait(self) -> None:
        wait_until(self._ready, f"PostgreSQL in {IMAGE} is not ready", 60)

    def _ready(self) -> bool:
        if not answers(self.port, self.host):
            return False
        try:  # the port is published before the server listens
            ask_version(self.url)
        except Exception:
            return False
        return True


__all__ = ["ContainerServer", "ServerFailed", "find_image"]
