"""What is prepared in workers before a run begins."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bulkq.errors import RefusedError, TargetError, UsageError
from bulkq.lifecycle import prepare_workers
from bulkq.lifecycle.prepare_workers import OpenExecutor
from bulkq.model import Target
from bulkq.model.run import make_run
from bulkq.targets import open_target
from tests.support.lanes import part
from tests.support.loopback_workers import LoopbackWorker


def executor(*workers: LoopbackWorker, encrypted: bool = False) -> OpenExecutor:
    """An executor with workers in this process."""
    cluster: Any = SimpleNamespace(encrypted=encrypted, on_new=None)
    cluster.workers = lambda: [one.channel for one in workers if not one.channel.lost]
    return OpenExecutor(cluster, [], print)


def test_a_secret_is_not_sent_without_tls() -> None:
    """With TLS it is; a password that workers look up is no secret of the run."""
    target = Target(url="postgresql://u:secret@h/d")
    local = open_target(target, read_only=True)
    with pytest.raises(
        RefusedError, match="a password in its URL, which would be sent to the workers without TLS"
    ) as raised:
        executor().driver(target, local)
    assert "secret" not in str(raised.value)
    assert executor(encrypted=True).driver(target, local).key == 1


def test_a_file_is_named_by_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database in memory is of one process."""
    monkeypatch.chdir(tmp_path)
    assert prepare_workers._portable("sqlite:///a b.db?mode=ro") == f"sqlite:///{tmp_path}/a%20b.db?mode=ro"
    assert prepare_workers._portable("mysql://h/d") == "mysql://h/d"
    with pytest.raises(UsageError, match="is a database of one process"):
        prepare_workers._portable("sqlite:///:memory:")


async def test_each_worker_that_is_not_ready_is_named(tmp_path: Path) -> None:
    """A file that is not the run's, a module that is missing; workers that join later are prepared alike."""
    here, there = LoopbackWorker("w1", lost_s=0.1), LoopbackWorker("w2")
    (tmp_path / "t.db").touch()
    url = f"sqlite:///{tmp_path}/t.db"
    target = Target(url=url)

    async def elsewhere(url: str) -> tuple[str, frozenset[tuple[str, ...]]]:
        return "another machine", frozenset()

    there.session.on_file = elsewhere  # type: ignore[method-assign]
    both = executor(here, there)
    both.driver(target, open_target(target, read_only=True))
    one = part(url, "select 1", [])
    with pytest.raises(
        RefusedError, match=r"^worker w2: .* is another file there, or none: use workers on this machine"
    ):
        await both.prepare(make_run(), [one])
    alone = executor(here)
    await alone.prepare(make_run(), [one])
    assert one.remote
    assert alone.cluster.on_new is not None
    one.spec = replace(one.spec, number=2)
    with pytest.raises(UsageError, match=r'^worker w1: --map "nowhere:f" cannot be imported'):
        await alone.prepare(make_run(map="nowhere:f"), [one])
    here.cut = OSError("it was killed")
    one.spec = replace(one.spec, number=3)
    with pytest.raises(TargetError, match="^worker w1: .*, and no other worker is left: run again"):
        await alone.prepare(make_run(), [one])
    for each in (here, there):
        await each.close()


async def test_a_worker_that_joins_meanwhile_is_prepared() -> None:
    """It may join while the others are prepared."""
    here = LoopbackWorker("w1")
    alone = executor(here)
    early: list[object] = []

    async def define(number: int, definition: object) -> None:
        early.append(alone.cluster.on_new)

    here.channel.define_part = define  # type: ignore[method-assign]
    await alone.prepare(make_run(), [part("sqlite:///x.db", "select 1", [])])
    assert early[0] is not None
    await here.close()


async def test_a_secret_parameter_is_not_sent_without_tls() -> None:
    """With TLS it is."""
    one = part("sqlite:///x.db", "select :p", [])
    query = one.spec.query
    secret = tuple(replace(parameter, secret=True) for parameter in query.parameters)
    one.spec = replace(one.spec, query=replace(query, parameters=secret))
    with pytest.raises(RefusedError, match=":p is secret, and would be sent to the workers without TLS"):
        await executor().prepare(make_run(), [one])
    await executor(encrypted=True).prepare(make_run(), [one])
