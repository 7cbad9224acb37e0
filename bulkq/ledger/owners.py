"""The owner of a run: one process of one machine, with an identity that no other process has.

`host:pid:start:random`. A process id is used again, a host name too (containers), so `start` holds when the process started,
on which boot, and in which process namespace; `random` differs even where all of that is equal.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

from bulkq.model.frozen_dataclass import frozen


class Liveness(StrEnum):
    """What can be known about the process of an owner from here."""

    ALIVE = "alive"
    DEAD = "dead"
    ELSEWHERE = "elsewhere"  # another host or container: only its heartbeat shows whether it lives


@frozen
class Owner:
    """An owner's parts."""

    host: str
    pid: int
    start: str

    def __str__(self) -> str:
        """As messages name it."""
        return f'host "{self.host}", process {self.pid}'


def this_process() -> Owner:
    """Return this process, for messages."""
    return Owner(socket.gethostname(), os.getpid(), "")


def new_owner() -> str:
    """An owner for this process; another one with each call."""
    return f"{socket.gethostname()}:{os.getpid()}:{_start(os.getpid())}:{secrets.token_hex(8)}"


def parse_owner(text: str) -> Owner:
    """The parts of an owner; pid 0 where `text` was written by something else."""
    host, pid, start, _ = (text.rsplit(":", 3) + [""] * 4)[:4]
    return Owner(host, int(pid) if pid.isdigit() else 0, start)


def find_liveness(text: str) -> Liveness:
    """Whether the process of an owner lives, as far as this machine can determine."""
    owner = parse_owner(text)
    ours = _start(os.getpid()).split(".")
    # Another boot of this machine, another machine of this name, another container cannot be told apart.
    if owner.host != socket.gethostname() or not owner.pid or owner.start.split(".")[1:] != ours[1:]:
        return Liveness.ELSEWHERE
    now = _start(owner.pid)
    if now:
        return Liveness.ALIVE if now == owner.start else Liveness.DEAD
    return Liveness.ELSEWHERE if _hidden(owner.pid) else Liveness.DEAD


def _start(pid: int) -> str:
    """When, on which boot and in which process namespace `pid` was started; "" where there is no such process, or a dead one."""
    if sys.platform != "linux":
        return _start_by_ps(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        state, *fields = stat.rpartition(b")")[2].split()  # the name before may hold blanks and brackets
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:13]
        # Of our own, always: that of another user's process may not be read, and what we can see is in our namespace.
        space = str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
    except OSError:
        return ""
    return "" if state in {b"Z", b"X"} else f"{int(fields[18])}.{boot}.{space}"


def _start_by_ps(pid: int) -> str:
    done = subprocess.run(["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603 - a number
    return "".join(c if c.isalnum() else "-" for c in done.stdout.strip())


def _hidden(pid: int) -> bool:
    """A process that is there, but of another user and hidden from us (/proc mounted with hidepid)."""
    if Path(f"/proc/{pid}").exists():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
