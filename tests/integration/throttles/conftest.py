"""A primary with two standbys."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.conftest import chosen
from tests.support.servers import postgres as servers
from tests.support.servers.standbys import Replication

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def replication(pytestconfig: pytest.Config) -> Iterator[Replication]:
    """A primary and two standbys of our own, from binaries, whichever server the other tests have."""
    choice = chosen(pytestconfig)
    if choice.source not in {"wheel", "local"}:
        choice = servers.choose("wheel")
    made = Replication(choice)
    yield made
    made.close()


@pytest.fixture
def primary(replication: Replication) -> Iterator[str]:
    """URL of an empty database of the test's own on the primary."""
    name = f"bulkq_{uuid4().hex[:12]}"
    servers.execute(replication.primary.url, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    yield servers.database_url(replication.primary.url, name)
    servers.execute(replication.primary.url, f"DROP DATABASE {name} WITH (FORCE)")
