"""Who steers a run, as the ledger and notices name it: `alice@db7`."""

from __future__ import annotations

import os
import socket


def local_person(user: int | None = None) -> str:
    """Return `user@host` for a user of this machine.

    Args:
        user: the number of the user; None for that of this process.
    """
    import pwd  # there is none on Windows

    number = os.getuid() if user is None else user
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:  # as in containers
        name = str(number)
    return f"{name}@{socket.gethostname()}"
