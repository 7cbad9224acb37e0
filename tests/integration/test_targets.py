"""Named targets on real servers: passwords that change, databases that are not the one that was meant."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

import bulkq
from bulkq.drivers import open_driver
from bulkq.errors import RefusedError, TargetError, UsageError
from bulkq.model import Secret, Target
from bulkq.targets import connect_within, open_target
from bulkq.targets.connect import ConfiguredDriver
from tests.support.servers import postgres as servers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bulkq.protocols import Driver
    from tests.support.servers.mariadb import MariaDB
    from tests.support.sqlite_files import SqliteFile


def opened(target: Target) -> Driver:
    """The driver of a target, for reading."""
    return open_target(target, application_name="bulkq/test", read_only=True)


async def visit(driver: Driver) -> None:
    """Connect and leave."""
    await (await driver.connect()).close()


async def refusal(target: Target) -> str:
    """Why a connection is refused."""
    with pytest.raises(RefusedError) as caught:
        await visit(opened(target))
    assert "nothing was sent" in str(caught.value) or "expect" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["", "shop"])
def test_a_plain_target_is_its_bare_driver(sqlite_file: SqliteFile, name: str) -> None:
    """Without a password and expectations nothing stands between; only the label is the name."""
    url = f"sqlite:///{sqlite_file()}"
    driver = opened(Target(url=url, name=name))
    assert type(driver) is type(open_driver(url, read_only=True))
    assert driver.target == (name or url)


# --- passwords ------------------------------------------------------------------------------------------------------


async def test_a_password_is_looked_up_for_every_connection(
    password_url: str, postgres: servers.PostgresServer, tmp_path: Path
) -> None:
    """The role's password is changed while we are connected; the next connection has the new one."""
    role = password_url.partition("://")[2].partition("@")[0]
    file = tmp_path / "pw"
    file.write_text("right\n")
    driver = opened(Target(url=password_url, name="shop", password=Secret(file=str(file))))
    assert isinstance(driver, ConfiguredDriver)
    connection = await driver.connect()
    await asyncio.to_thread(servers.execute, postgres.url, f"ALTER ROLE {role} PASSWORD 'n@w/:?'")
    file.write_text("n@w/:?\n")
    try:
        await visit(driver)
        assert driver.target == "shop"
        assert connection.server.user == role
    finally:
        await connection.close()
        await asyncio.to_thread(servers.execute, postgres.url, f"ALTER ROLE {role} PASSWORD 'right'")


async def test_a_password_that_changed_meanwhile(password_url: str, tmp_path: Path) -> None:
    """Refused with the old one, it is looked up again: there may be a new one."""
    script = "echo x >> looks; if [ $(wc -l < looks) = 1 ]; then echo stale; else echo right; fi"
    secret = Secret(command=("/bin/sh", "-c", script), folder=str(tmp_path))
    await visit(opened(Target(url=password_url, name="shop", password=secret)))
    assert (tmp_path / "looks").read_text() == "x\nx\n"


async def test_lanes_that_connect_together_look_once(password_url: str, tmp_path: Path) -> None:
    """Eight lanes at the start are one look; a lane that connects later looks again."""
    secret = Secret(command=("/bin/sh", "-c", "echo x >> looks; sleep 0.1; echo right"), folder=str(tmp_path))
    driver = opened(Target(url=password_url, name="shop", password=secret))
    await asyncio.gather(*(visit(driver) for _ in range(8)))
    assert (tmp_path / "looks").read_text() == "x\n"
    await visit(driver)
    assert (tmp_path / "looks").read_text() == "x\nx\n"


async def test_a_slow_password_command_is_no_slow_database(password_url: str, tmp_path: Path) -> None:
    """Its time does not count for `--connect-timeout`: it has a limit of its own, and what was found is used once."""
    secret = Secret(command=("/bin/sh", "-c", "echo x >> looks; sleep 1.2; echo right"), folder=str(tmp_path))
    driver = opened(Target(url=password_url, name="shop", password=secret))
    await (await connect_within(driver, 1.0)).close()
    assert (tmp_path / "looks").read_text() == "x\n"
    await visit(driver)
    assert (tmp_path / "looks").read_text() == "x\nx\n"


async def test_a_wrong_password_is_not_shown(password_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server refuses it; the message does not repeat it."""
    monkeypatch.setenv("APP_PW", "hunter2")
    with pytest.raises(TargetError) as caught:
        await visit(opened(Target(url=password_url, name="shop", password=Secret(env="APP_PW"))))
    assert "password" in str(caught.value)
    assert "hunter2" not in str(caught.value)


async def test_a_missing_password_is_an_outage_later(password_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """At first it is a mistake in the configuration; once it was there, it may come back."""
    driver = opened(Target(url=password_url, name="shop", password=Secret(env="APP_PW")))
    monkeypatch.delenv("APP_PW", raising=False)
    with pytest.raises(UsageError, match='^target "shop": its password is read from the environment variable "APP_PW"'):
        await visit(driver)
    monkeypatch.setenv("APP_PW", "right")
    await visit(driver)
    monkeypatch.delenv("APP_PW")
    with pytest.raises(TargetError, match='^target "shop": its password is read from'):
        await visit(driver)


# --- identity -------------------------------------------------------------------------------------------------------


async def test_what_was_expected_is_found(database: str) -> None:
    """Every expectation of PostgreSQL, with the values that the server gives."""
    (row,) = await asyncio.to_thread(
        servers.execute,
        database,
        "select current_database()::text, current_user::text, coalesce(host(inet_server_addr()), ''), "
        "current_setting('server_version'), (select system_identifier::text from pg_control_system())",
    )
    keys = ("database", "user", "host", "version", "system_identifier")
    expect = {key: str(value) for key, value in zip(keys, row, strict=True)}
    expect |= {"in_recovery": "false", "sql": "select 40 + 2, 'more';", "value": "42"}
    expect["version"] = expect["version"].partition(".")[0].partition(" ")[0]
    await visit(opened(Target(url=database, name="shop", expect=expect)))


@pytest.mark.parametrize(
    ("expect", "words"),
    [
        ({"database": "shop"}, 'expected database "shop" but found "bulkq_'),
        ({"user": "app"}, 'expected user "app" but found "'),
        ({"version": "1"}, 'expected version "1" but found "1'),
        ({"in_recovery": "true"}, 'expected in_recovery "true" but found "false"'),
        ({"system_identifier": "1"}, 'expected system_identifier "1" but found "'),
        ({"sql": "select true", "value": "false"}, 'expected "false" from expect.sql but found "true"'),
        ({"sql": "select 1 where false", "value": "1"}, 'from expect.sql but found ""'),
        (
            {"sql": "select nope", "value": "1"},
            'expect.sql cannot be checked: column "nope" does not exist; nothing was sent',
        ),
        ({"sql": "create table made (id int)", "value": "1"}, "expect.sql"),
    ],
)
async def test_another_database_is_refused(database: str, expect: Mapping[str, str], words: str) -> None:
    """The message names the target, what was expected and what was found; nothing is written to find out."""
    said = await refusal(Target(url=database, name="shop", expect=expect))
    assert said.startswith('target "shop"')
    assert words in said
    assert not await asyncio.to_thread(servers.execute, database, "select 1 from pg_tables where tablename = 'made'")


async def test_sqlite_has_an_identity_too(sqlite_file: SqliteFile) -> None:
    """By a query of the user's own, by version; what SQLite has not is said."""
    path = sqlite_file("create table identity (name text); insert into identity values ('shop')")
    sql = {"sql": "select name from identity", "value": "shop"}
    await visit(opened(Target(url=f"sqlite:///{path}", name="shop", expect={**sql, "version": "3"})))
    said = await refusal(Target(url=f"sqlite:///{path}", name="shop", expect={"host": "h"}))
    assert said == 'target "shop": sqlite does not report its host, so expect.host cannot be checked: use expect.sql'
    said = await refusal(Target(url=f"sqlite:///{path}", name="shop", expect={**sql, "sql": "select x from identity"}))
    assert "expect.sql cannot be checked: no such column" in said


async def test_every_connection_is_checked(sqlite_file: SqliteFile) -> None:
    """What was right an hour ago is asked again of each new connection."""
    path = sqlite_file("create table identity (name text); insert into identity values ('shop')")
    target = Target(url=f"sqlite:///{path}", name="shop", expect={"sql": "select name from identity", "value": "shop"})
    driver = opened(target)
    await visit(driver)
    sqlite_file("update identity set name = 'other'")
    with pytest.raises(RefusedError, match='but found "other"'):
        await visit(driver)


# --- Python ---------------------------------------------------------------------------------------------------------


async def test_python_opens_names(sqlite_file: SqliteFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`bulkq.open("name")` asks the configuration; a protected target is changed when it was confirmed."""
    sqlite_file("create table t (v integer); insert into t values (1);", "app.db")
    (tmp_path / "bulkq.toml").write_text(
        '[targets.shop]\nurl = "sqlite:///app.db"\nprotected = true\n[targets.b]\nurl = "sqlite:///app.db"\n[groups]\nall = ["*"]\n'
    )
    monkeypatch.chdir(tmp_path)
    async with bulkq.open("shop") as db:
        assert [tuple(row) async for row in db.run("select v from t")] == [(1,)]
        with pytest.raises(RefusedError, match=r'target "shop" is protected: open it with confirm="shop"'):
            await db.execute("update t set v = 2 where v = :v", [{"v": 1}], write=True)
    async with bulkq.open("shop", confirm="shop") as db:
        summary = await db.execute("update t set v = 2 where v = :v", [{"v": 1}], write=True)
    assert (summary.changed, summary.targets) == (1, ("shop",))
    for text, words in (("shp", "did you mean shop"), ("all", '"all" is 2 targets: open them one by one')):
        with pytest.raises(UsageError, match=words):
            async with bulkq.open(text):
                pass


async def test_mariadb_has_an_identity_too(mariadb: MariaDB) -> None:
    """The password reaches a library on a thread and one of asyncio; its server is asked who it is; what it has not is said."""
    user = f"app_{uuid4().hex[:8]}"
    script = f"CREATE USER {user} IDENTIFIED BY 'p@s:/w'; CREATE DATABASE {user}; GRANT ALL ON {user}.* TO {user}"
    await asyncio.to_thread(mariadb.execute, "", *script.split("; "))
    secret = Secret(command=("printf", "%s", "p@s:/w"))
    expect = {"database": user, "user": user, "sql": "select 1 + 1", "value": "2"}
    for driver in ("mysql+pymysql", "mysql+aiomysql"):
        url = f"{driver}://{user}@127.0.0.1:{mariadb.port}/{user}"
        await visit(opened(Target(url=url, name="shop", password=secret, expect=expect)))
        said = await refusal(
            Target(url=url, name="shop", password=secret, expect={"system_identifier": "1", "host": "h"})
        )
        assert 'expected system_identifier "1" but found "' in said
        assert 'host "h" but found "' in said
    said = await refusal(Target(url=url, name="shop", password=secret, expect={"in_recovery": "false"}))
    assert "mariadb does not report its in_recovery" in said
    with pytest.raises(TargetError) as caught:
        await visit(opened(Target(url=url, name="shop", password=Secret(command=("echo", "hunter2")))))
    assert "hunter2" not in str(caught.value)


async def test_a_connection_lost_on_the_way_may_not_come_back_elsewhere(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sessions are terminated and the name leads to another database now: the run is refused, not continued there."""
    await asyncio.to_thread(servers.execute, database, "create table identity as select 'shop' as name")
    (tmp_path / "bulkq.toml").write_text(
        f'[targets.shop]\nurl = "{database}"\nexpect.sql = "select name from identity"\nexpect.value = "shop"\n'
    )
    monkeypatch.chdir(tmp_path)
    switch = (
        "with gone as (select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid()) select count(*) from gone"
    )
    answered = 0
    async with bulkq.open("shop", concurrency=2) as db:
        with pytest.raises(RefusedError, match='expected "shop" from expect.sql but found "other"; nothing was sent'):
            async for _ in db.run("select pg_sleep(0.05), :id::int", ({"id": n} for n in range(200))):
                answered += 1
                if answered == 4:
                    await asyncio.to_thread(servers.execute, database, "update identity set name = 'other'")
                    await asyncio.to_thread(servers.execute, database, switch)
    assert 4 <= answered < 200
