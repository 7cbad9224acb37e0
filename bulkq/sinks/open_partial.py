"""Open `FILE.partial`: a new one, or that of a run which is continued.

The lock is `flock`, which the kernel releases when the process dies. It distinguishes the partial of a live run from that of
a dead one. A process id could not: the system may have given it to another process.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from typing import TYPE_CHECKING

from bulkq.errors import RefusedError, UsageError
from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SUFFIX = ".partial"


@frozen
class EarlierOutput:
    """The recorded output of an earlier process of this run."""

    offset: int
    """Bytes that are certainly on disk; the bytes after them are not recorded."""

    ending: bytes = b"\n"
    """The end of every row, and therefore of the recorded part."""

    tail: bytes = b""
    """The bytes after the last row of a complete file."""

    completed: Callable[[Path], bool] | None = None
    """Whether the file with the final name is this output, complete; None if `tail` shows it."""


@frozen
class PartialFile:
    """An open file, positioned at its end. `stale`: it holds what a dead run wrote. `finished`: it is FILE itself, read-only."""

    fd: int
    size: int = 0
    replaced: bool = False
    stale: bool = False
    finished: bool = False


def begin_partial(path: Path, name: str) -> PartialFile:
    """A new partial of `path`; one of a dead run is `replaced`, and emptied at the first write.

    Args:
        path: of the file that it is to become.
        name: what the user called that.

    Raises:
        UsageError: it cannot be opened.
        RefusedError: a live run is writing it.
    """
    while True:
        existed = os.path.exists(partial_of(path))  # noqa: PTH110 - see paths.destination
        fd = _locked(path, name, os.O_RDWR | os.O_CREAT)
        if fd is not None:
            break
    return PartialFile(fd, replaced=existed, stale=os.fstat(fd).st_size > 0)


def go_on(path: Path, name: str, known: EarlierOutput) -> PartialFile:
    """The partial of `path`, cut back to what is known; FILE itself, if the run was killed after it got its name.

    Raises:
        UsageError: it cannot be opened.
        RefusedError: a live run is writing it; it is missing, or is not what was known.
    """
    try:
        while (fd := _locked(path, name, os.O_RDWR)) is None:
            pass
    except FileNotFoundError:
        return _finished(path, known)
    try:
        _check(fd, partial_of(path).name, known)
        os.ftruncate(fd, known.offset)
        os.lseek(fd, known.offset, os.SEEK_SET)
    except OSError as error:
        os.close(fd)
        raise UsageError(f'cannot write "{name}": {describe_os_error(error)}') from error
    except BaseException:
        os.close(fd)
        raise
    return PartialFile(fd, known.offset)


def reopen_partial(path: Path, name: str, offset: int) -> int:
    """A complete FILE becomes its partial again, cut back to `offset`: a target that was away has rows for it after all.

    Raises:
        RefusedError: another process is writing FILE now.
        UsageError: it cannot be opened.
    """
    partial = partial_of(path)
    if partial.exists():
        raise RefusedError(f'"{name}" is being written by another run: wait for it, or start a new run')
    try:
        path.replace(partial)
        fd = os.open(partial, os.O_RDWR)
        _lock(fd)
        os.ftruncate(fd, offset)
        os.lseek(fd, offset, os.SEEK_SET)
    except OSError as error:
        raise UsageError(f'cannot write "{name}": {describe_os_error(error)}') from error
    return fd


def _check(fd: int, name: str, known: EarlierOutput) -> None:
    """Refuse a file that cannot be the one that was known."""
    size = os.fstat(fd).st_size
    if size < known.offset:
        raise RefusedError(
            f'"{name}" is shorter than the ledger has recorded ({size:,} of {known.offset:,} bytes): '
            "the file was changed, so start a new run"
        )
    if os.pread(fd, len(known.ending), known.offset - len(known.ending)) != known.ending:
        raise RefusedError(
            f'"{name}" has no row end where the ledger has recorded one (at byte {known.offset:,}): '
            "the file was changed, so start a new run"
        )


def _finished(path: Path, known: EarlierOutput) -> PartialFile:
    whole = known.offset + len(known.tail)
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY)
        size = os.fstat(fd).st_size
        if known.completed is not None:
            is_ours = known.completed(path)
        else:
            is_ours = size == whole and os.pread(fd, len(known.tail), known.offset) == known.tail
        if is_ours:
            return PartialFile(fd, size, finished=True)
        os.close(fd)
    raise RefusedError(
        f'"{partial_of(path).name}" is missing, though the ledger has recorded {known.offset:,} bytes of it, '
        f'and "{path.name}" is a different file: start a new run'
    )


def _locked(path: Path, name: str, flags: int) -> int | None:
    """The partial, open and ours alone; None when its run renamed it between our open and our lock."""
    partial = partial_of(path)
    try:
        fd = os.open(partial, flags, 0o666)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UsageError(f'cannot write "{name}": {describe_os_error(error)}') from error
    if not _lock(fd):
        os.close(fd)
        raise RefusedError(f'"{name}" is being written by another run: wait for it, or choose another -o')
    if _is_at(fd, partial):
        return fd
    os.close(fd)
    return None


def _lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # A file system without locks gives another error; there, other writers cannot be detected, and the user wants the file.
        return error.errno not in {errno.EWOULDBLOCK, errno.EACCES}
    return True


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def partial_of(path: Path) -> Path:
    """Where `path` is written until it is complete."""
    return path.with_name(path.name + SUFFIX)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable, where the file system can."""
    with contextlib.suppress(OSError):
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def describe_os_error(error: OSError) -> str:
    """Why, in the words of the operating system: `no space left on device`."""
    return (error.strerror or str(error)).lower()
