"""Open the driver of a target, with its password and expectations.

A target without password and expectations is its bare driver: nothing is added to what its connections cost.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from bulkq.drivers import open_driver
from bulkq.errors import BulkqError, TargetError, UsageError
from bulkq.targets.expectations import verify_expectations
from bulkq.targets.passwords import find_password
from bulkq.text.mask import mask_all

if TYPE_CHECKING:
    from bulkq.model import Target
    from bulkq.protocols import Connection, Driver


def open_target(target: Target, *, application_name: str = "bulkq", read_only: bool) -> Driver:
    """The driver for `target`; nothing is connected yet, and no password is looked up.

    Args:
        target: as typed or as configured.
        application_name: how the server's lists of sessions show us.
        read_only: sessions that cannot write, whatever the limits of an attempt say.

    Raises:
        UsageError: a URL that its driver cannot read.
        MissingDriver: the driver's library is not installed.
    """
    bare = open_driver(target.url, application_name=application_name, read_only=read_only)
    if target.name:
        bare.target = target.name
    if target.password is None and not target.expect:
        return bare
    return ConfiguredDriver(target, bare, application_name=application_name, read_only=read_only)


async def connect_within(driver: Driver, timeout_s: float | None) -> Connection:
    """A session within `timeout_s`; looking up the password has a limit of its own, and does not count.

    Raises:
        TimeoutError: there is none by then.
        UsageError, TargetError, RefusedError: as `Driver.connect`.
    """
    if isinstance(driver, ConfiguredDriver):
        await driver.unlock()
    async with asyncio.timeout(timeout_s):
        return await driver.connect()


class ConfiguredDriver:
    """A driver that looks the password up for every connection and checks what it is connected to."""

    def __init__(self, target: Target, bare: Driver, *, application_name: str, read_only: bool) -> None:
        """Stand before `bare`, which knows no password."""
        self.target = bare.target
        self.capabilities = bare.capabilities
        self._of = target
        self._driver = bare
        self._password: str | None = None
        self._looking: asyncio.Task[str] | None = None
        self._connected = False
        self._unlocked = False
        self._application_name = application_name
        self._read_only = read_only

    async def unlock(self) -> None:
        """Look the password up for the next `connect`.

        Raises:
            UsageError, TargetError: it cannot be had; see `connect`.
        """
        await self._use_password()
        self._unlocked = True

    async def connect(self) -> Connection:
        """Open a session to the database that was meant.

        Raises:
            UsageError: the password cannot be had; at first. Later in a run it is TargetError, for it may come back.
            TargetError: the target does not let us in.
            RefusedError: it is another database than was expected.
        """
        connection = await self._open()
        try:
            await verify_expectations(connection, self._of.expect, f'target "{self.target}"')
        except BaseException:
            await connection.close()
            raise
        self._connected = True
        return connection

    async def _open(self) -> Connection:
        used = self._password if self._unlocked else await self._use_password()
        self._unlocked = False
        try:
            return await self._driver.connect()
        except TargetError as error:
            # It may have been changed between our look and the server's.
            if used is None or await self._use_password() == used:
                raise TargetError(self._without(used, error)) from None
        return await self._driver.connect()

    async def _use_password(self) -> str | None:
        """Look the password up and have a driver that uses it; lanes that connect together share one look."""
        if self._of.password is None:
            return None
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(find_password(self._of.password))
            self._looking.add_done_callback(_heard)
        try:
            found = await asyncio.shield(self._looking)
        except UsageError as error:
            kind: type[BulkqError] = TargetError if self._connected else UsageError
            raise kind(f'target "{self.target}": {error}') from None
        if found != self._password:
            self._driver = self._with(found)
            self._password = found
        return found

    def _with(self, found: str) -> Driver:
        url = with_password(self._of.url, found)
        try:
            return open_driver(url, application_name=self._application_name, read_only=self._read_only)
        except UsageError as error:
            raise UsageError(self._without(found, error)) from None

    def _without(self, used: str | None, error: BulkqError) -> str:
        return mask_all(str(error), (used, quote(used, safe="")) if used else ())


def _heard(looking: asyncio.Task[str]) -> None:
    """Retrieve the error of a look-up whose lanes were cancelled, so that asyncio does not log it."""
    if not looking.cancelled():
        looking.exception()


def with_password(url: str, password: str) -> str:
    """`url`, which has none, with `password` where every database library looks for it."""
    scheme, _, rest = url.partition("://")
    end = re.search(r"[/?#]|$", rest)
    assert end is not None
    authority = rest[: end.start()]
    user, _, hosts = authority.rpartition("@")
    return f"{scheme}://{user.partition(':')[0]}:{quote(password, safe='')}@{hosts}{rest[end.start() :]}"
