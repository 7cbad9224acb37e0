"""`bulkq` in a shell, as a process forked from one that has imported it: `python -IS fork_client.py SOCKET ARGUMENTS...`.

It hands its streams, folder and environment to the server of `tests/support/fork_server.py` and ends as the child does.
"""

from __future__ import annotations

import json
import os
import socket
import sys

path, *arguments = sys.argv[1:]
folder = os.getcwd()  # noqa: PTH109 - pathlib takes longer to import than this runs
order = {"arguments": arguments, "environment": dict(os.environ), "folder": folder, "followed": False}
with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
    connection.connect(path)
    data = json.dumps(order).encode() + b"\n"
    sent = socket.send_fds(connection, [data], [0, 1, 2])
    connection.sendall(data[sent:])
    status = int(connection.makefile("rb").read().split()[1])
sys.exit(os.waitstatus_to_exitcode(status) % 256)
