"""Who steers a run."""

from __future__ import annotations

import os
import pwd
import socket

from bulkq.control.person import local_person


def test_a_user_has_a_name_and_a_host() -> None:
    """That of this process, or of a number; a number that has no name stays one."""
    assert local_person() == f"{pwd.getpwuid(os.getuid()).pw_name}@{socket.gethostname()}"
    assert local_person(0).startswith("root@")
    assert local_person(4_000_000_123).startswith("4000000123@")
