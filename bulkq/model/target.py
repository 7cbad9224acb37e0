"""A database that a run works on, as it is configured: its URL, its password, its schema."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping


@frozen
class FallbackSchemas:
    """The schemas behind the one of `--schemas` in the search path."""

    shared: tuple[str, ...] = ()  # of --schemas-with: everything in them may be named
    extensions: tuple[str, ...] = ()  # of installed extensions: only what belongs to an extension may be named


ALONE = FallbackSchemas()


@frozen
class Secret:
    """Where a password comes from; it is looked up again for every new connection, because passwords rotate."""

    env: str | None = None
    file: str | None = None
    command: tuple[str, ...] | None = None  # argv; a string in the file is run by /bin/sh -c
    folder: str = ""  # in which the command runs: that of the file which names it


@frozen(kw_only=True)
class Target:
    """One database that a run works on: a URL as typed, or a name of bulkq.toml with what stands there."""

    url: str
    name: str = ""  # "" where a URL was typed
    password: Secret | None = None
    protected: bool = False  # wants --confirm NAME before a write
    concurrency: int | None = None  # lanes on this target at most
    tags: tuple[str, ...] = ()
    expect: Mapping[str, str] = field(default_factory=dict)  # identity, compared on every new connection
    schema: str | None = None  # of --schemas: SET LOCAL search_path in every transaction
    behind: FallbackSchemas = ALONE
    guard: str = ""  # of a URL that leads to the database of a protected target: the name to confirm
    throttle: tuple[str, ...] = ()  # expressions that hold its lanes in every run
    throttled_as: str = ""  # of a URL that leads to the database of a target with throttles, which it has too: its name

    @property
    def bare(self) -> Target:
        """The database, without a schema of it."""
        return replace(self, schema=None, behind=ALONE)

    def like(self, other: Target) -> Target:
        """The same database with the schema of `other`."""
        return replace(self, schema=other.schema, behind=other.behind)
