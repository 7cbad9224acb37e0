"""Where the sockets of live runs are: a private folder for each run, named by its id.

The path of a socket may have 107 bytes on Linux and 103 on macOS, so that a long state folder has no room for it. Then the folder is in
`$XDG_RUNTIME_DIR`, or in the folder for temporary files. A reader looks at all of them.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LONGEST_PATH = 100
"""Bytes of the path of a socket at most."""

SOCKET = "control"
"""Name of the socket in the folder of its run."""


def roots(state: Path | None) -> Sequence[Path]:
    """Return the folders that have those of runs, the best first; they need not exist.

    Args:
        state: the state folder of bulkq; None if this account has none.
    """
    user = os.getuid()
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{user}"
    found = [Path(runtime) / "bulkq", Path(_temporary_folder()) / f"bulkq-{user}"]
    return [*([state / "live"] if state is not None else []), *found]


def _temporary_folder() -> str:
    """The folder that `tempfile.gettempdir` gives, whose module takes two milliseconds to import."""
    given = (os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    named = (os.path.abspath(one) for one in given if one)  # noqa: PTH100 - as `tempfile` does
    able = (one for one in (*named, "/tmp", "/var/tmp") if os.access(one, os.W_OK | os.X_OK))  # noqa: S108
    return next(able, "/tmp")  # noqa: S108


def make_folder(run: str, state: Path | None) -> Path:
    """Make the folder for the socket of `run`, mode 0700.

    Raises:
        OSError: none of the roots can have it; the error is that of the first whose path is short enough.
    """
    first: OSError | None = None
    with contextlib.suppress(OSError):
        for each in (*reversed(state.parents), state) if state is not None else ():
            each.mkdir(mode=0o700, exist_ok=True)
    for root in roots(state):
        folder = root / run
        if len(os.fsencode(folder / SOCKET)) > LONGEST_PATH:
            continue
        try:
            for each in (root, folder):
                each.mkdir(mode=0o700, exist_ok=True)
                refuse_foreign(each)
        except OSError as error:
            first = first or error
            continue
        return folder
    raise first or OSError(f"the path of the socket is longer than {LONGEST_PATH} bytes")


def refuse_foreign(folder: Path) -> None:
    """Refuse a folder that another user owns or can write to: what is in it may be a trap.

    Raises:
        OSError: it is one, or not a folder.
    """
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise PermissionError(f'"{folder}" is not a private folder of this user')


def remove_folder(folder: Path) -> None:
    """Remove the socket of a run and its folder, as far as they are there."""
    with contextlib.suppress(OSError):
        (folder / SOCKET).unlink()
    with contextlib.suppress(OSError):
        folder.rmdir()


def socket_of(run: str, state: Path | None) -> Path | None:
    """Return the socket of `run`, which may be that of a dead process; None if there is none."""
    return next((path for name, path in sockets(state) if name == run), None)


def sockets(state: Path | None) -> Iterator[tuple[str, Path]]:
    """Yield the runs that have sockets, with the paths."""
    for root in roots(state):
        try:
            refuse_foreign(root)
            folders = sorted(root.iterdir())
        except OSError:
            continue
        for folder in folders:
            path = folder / SOCKET
            with contextlib.suppress(OSError):
                refuse_foreign(folder)
                if stat.S_ISSOCK(path.lstat().st_mode):
                    yield folder.name, path
