"""Look up the password of a target: environment variable, file or command.

What a command prints on stdout is the password and is never shown; what it prints on stderr is for people.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.text.mask import mask_all

if TYPE_CHECKING:
    from bulkq.model import Secret

COMMAND_S = 10.0
LAST_WORDS_S = 0.5
MOST_BYTES = 65536
"""Of a command's output; the rest is read and forgotten."""

SHOWN = 500
"""Characters of a command's complaint."""


async def find_password(secret: Secret) -> str:
    """Look a password up.

    Raises:
        UsageError: it is not there, or it is empty.
    """
    if secret.env is not None:
        return _of_environment(secret.env)
    if secret.file is not None:
        return await asyncio.to_thread(_of_file, secret.file)
    if not secret.command:
        raise UsageError(
            "its password command is not stored with the run: resume where bulkq.toml defines the target, or use --config FILE"
        )
    return await _of_command(secret.command, secret.folder or None)


def _of_environment(name: str) -> str:
    found = os.environ.get(name)
    if found is None:
        raise UsageError(f'its password is read from the environment variable "{name}", which is not set')
    return _usable(found, f'the environment variable "{name}"')


def _of_file(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            data = file.read(MOST_BYTES)
    except OSError as error:
        raise UsageError(f'its password file "{path}" cannot be read: {(error.strerror or "").lower()}') from None
    return _usable(_decoded(data, f'its password file "{path}"'), f'its password file "{path}"')


async def _of_command(command: tuple[str, ...], folder: str | None) -> str:
    transport, said = await _start(command, folder)
    try:
        async with asyncio.timeout(COMMAND_S):
            await said.exited.wait()
        with suppress(TimeoutError):  # what it left behind may hold the pipes open
            async with asyncio.timeout(LAST_WORDS_S):
                await said.closed.wait()
    except TimeoutError:
        words = _complaint(bytes(said.stderr), bytes(said.stdout))
        raise UsageError(
            f"its password command did not end within {COMMAND_S:g}s{f': {words}' if words else ''}"
        ) from None
    finally:
        if not said.closed.is_set():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(transport.get_pid(), signal.SIGKILL)
        transport.close()
    _refuse_failure(transport.get_returncode() or 0, said)
    return _usable(
        _decoded(bytes(said.stdout), "the output of its password command"), "the output of its password command"
    )


async def _start(command: tuple[str, ...], folder: str | None) -> tuple[asyncio.SubprocessTransport, _CommandOutput]:
    loop = asyncio.get_running_loop()
    try:
        return await loop.subprocess_exec(
            _CommandOutput,
            *command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            start_new_session=True,  # so that what it has started ends with it
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f'its password command "{command[0]}" cannot be started: {reason.lower()}') from None


def _refuse_failure(code: int, said: _CommandOutput) -> None:
    """Raise `UsageError` with the last words of a command unless it exited with 0; a negative `code` is a signal."""
    if code == 0:
        return
    how = f"exited with status {code}" if code > 0 else f"was killed by {signal.Signals(-code).name}"
    words = _complaint(bytes(said.stderr), bytes(said.stdout))
    raise UsageError(f"its password command {how}{f': {words}' if words else ' and printed no message'}")


class _CommandOutput(asyncio.SubprocessProtocol):
    """The output of a command so far, up to a limit, and whether the command has ended."""

    def __init__(self) -> None:
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.exited = asyncio.Event()
        self.closed = asyncio.Event()  # it has ended, and no other process holds its pipes

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Append `data` to the output of pipe `fd`; bytes beyond `MOST_BYTES` are dropped."""
        kept = self.stdout if fd == 1 else self.stderr
        kept += data[: MOST_BYTES - len(kept)]

    def process_exited(self) -> None:
        """Set `exited`."""
        self.exited.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Set `closed`."""
        self.closed.set()


def _complaint(stderr: bytes, stdout: bytes) -> str:
    """The end of a command's stderr on one line, with what it printed to stdout masked."""
    text = mask_all(stderr.decode(errors="replace"), map(str.strip, stdout.decode(errors="replace").splitlines()))
    said = " ".join(text.split())
    return said if len(said) <= SHOWN else f"...{said[-SHOWN:]}"


def _decoded(data: bytes, what: str) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{what} is not valid UTF-8") from None
    return text.removesuffix("\n").removesuffix("\r")


def _usable(text: str, what: str) -> str:
    if not text:
        raise UsageError(f"{what} is empty: write the password there")
    if "\0" in text or "\n" in text:
        raise UsageError(f"{what} has more than one line: write the password alone")
    return text
