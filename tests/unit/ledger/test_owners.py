"""Who is alive."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from bulkq.ledger import owners
from bulkq.ledger.owners import Liveness, find_liveness, new_owner, parse_owner


def test_this_process_is_alive_and_each_owner_is_another() -> None:
    """Host, process, start and a random part."""
    first, second = new_owner(), new_owner()
    assert first != second
    assert find_liveness(first) is find_liveness(second) is Liveness.ALIVE
    owner = parse_owner(first)
    assert (owner.host, owner.pid) == (socket.gethostname(), os.getpid())
    assert str(owner) == f'host "{owner.host}", process {owner.pid}'


def test_a_process_that_ended_is_dead_also_as_a_zombie() -> None:
    """A child that nobody has waited for still has its id."""
    child = subprocess.Popen([sys.executable, "-S", "-c", ""], stdin=subprocess.PIPE)
    start = owners._start(child.pid)
    text = f"{socket.gethostname()}:{child.pid}:{start}:ab"
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert find_liveness(text) is Liveness.DEAD
    child.communicate()
    assert find_liveness(text) is Liveness.DEAD


def test_an_id_that_was_given_to_another_process_is_dead() -> None:
    """The start differs."""
    host, pid, start, chance = new_owner().rsplit(":", 3)
    ticks, _, rest = start.partition(".")
    assert find_liveness(f"{host}:{pid}:{int(ticks) - 1}.{rest}:{chance}") is Liveness.DEAD


@pytest.mark.parametrize("part", [0, 1, 2])
def test_what_cannot_be_seen_from_here_is_elsewhere(part: int) -> None:
    """Another host, another boot, another container, or an owner of an unknown form."""
    host, pid, start, chance = new_owner().rsplit(":", 3)
    pieces = start.split(".")
    if part:
        pieces[part] = "x"
    else:
        host = "another"
    assert find_liveness(f"{host}:{pid}:{'.'.join(pieces)}:{chance}") is Liveness.ELSEWHERE
    assert find_liveness("nonsense") is Liveness.ELSEWHERE
    assert parse_owner("nonsense").pid == 0


def test_a_hidden_process_is_not_taken_for_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """With hidepid, /proc shows nothing of other users' processes; a signal tells that they are there."""
    text, real = new_owner(), owners._start
    host, _, start, chance = text.rsplit(":", 3)
    monkeypatch.setattr(owners, "_start", lambda pid: real(pid) if pid == os.getpid() else "")
    monkeypatch.setattr(owners.Path, "exists", lambda _: False)
    assert find_liveness(f"{host}:{os.getppid()}:{start}:{chance}") is Liveness.ELSEWHERE

    def refused(_pid: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refused)
    assert find_liveness(f"{host}:{os.getppid()}:{start}:{chance}") is Liveness.ELSEWHERE


def test_where_there_is_no_proc_ps_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    """On macOS, the start is what `ps` says, without the colons that separate an owner's parts."""
    monkeypatch.setattr(sys, "platform", "darwin")
    owner = new_owner()
    assert len(owner.rsplit(":", 3)) == 4
    assert find_liveness(owner) is Liveness.ALIVE
    assert ":" not in parse_owner(owner).start
