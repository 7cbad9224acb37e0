"""A password from where a target's `password` says it is. Called for every new connection by `bulkq.targets.opening`.

What a command prints on stdout is the password and is never shown; what it prints on stderr is for people.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.drivers.urls import MASK
from bulkq.errors import UsageError

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from bulkq.model import Secret

COMMAND_S = 10.0
MOST_BYTES = 65536
"""Of a command's output; the rest is read and forgotten."""

SHOWN = 500
"""Characters of a command's complaint."""


async def password(secret: Secret) -> str:
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
            "its password command is not kept with the run: go on in a folder whose bulkq.toml names the target, or with --config FILE"
        )
    return await _of_command(secret.command, secret.folder or None)


def _of_environment(name: str) -> str:
    found = os.environ.get(name)
    if found is None:
        raise UsageError(f'its password is in the environment variable "{name}", which is not set')
    return _usable(found, f'the environment variable "{name}"')


def _of_file(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            data = file.read(MOST_BYTES)
    except OSError as error:
        raise UsageError(f'its password file "{path}" cannot be read: {(error.strerror or "").lower()}') from None
    return _usable(_decoded(data, f'its password file "{path}"'), f'its password file "{path}"')


async def _of_command(command: tuple[str, ...], folder: str | None) -> str:
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=folder,
            start_new_session=True,  # so that what it has started ends with it
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f'its password command "{command[0]}" cannot be started: {reason.lower()}') from None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(COMMAND_S):
            out, complaint = await asyncio.gather(_some(process.stdout), _some(process.stderr))
            code = await process.wait()
    except TimeoutError:
        raise UsageError(f"its password command did not end within {COMMAND_S:g}s") from None
    finally:
        await _end(process)
    if code != 0:
        how = f"ended with {code}" if code > 0 else f"was ended by {signal.Signals(-code).name}"
        said = _complaint(complaint, out)
        raise UsageError(f"its password command {how}{f': {said}' if said else ' and said nothing'}")
    return _usable(_decoded(out, "what its password command printed"), "what its password command printed")


async def _some(stream: asyncio.StreamReader) -> bytes:
    """The first `MOST_BYTES` of `stream`, which is read to its end."""
    kept = bytearray()
    while data := await stream.read(MOST_BYTES):
        kept += data[: MOST_BYTES - len(kept)]
    return bytes(kept)


async def _end(process: Process) -> None:
    """Nothing that was started for a password outlives the look-up."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


def _complaint(stderr: bytes, stdout: bytes) -> str:
    """The end of what a command said, on one line, without what it printed before it failed."""
    text = stderr.decode(errors="replace")
    for line in sorted(stdout.decode(errors="replace").splitlines(), key=len, reverse=True):
        if line.strip():
            text = text.replace(line.strip(), MASK)
    said = " ".join(text.split())
    return said if len(said) <= SHOWN else f"...{said[-SHOWN:]}"


def _decoded(data: bytes, what: str) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{what} is not UTF-8") from None
    return text.removesuffix("\n").removesuffix("\r")


def _usable(text: str, what: str) -> str:
    if not text:
        raise UsageError(f"{what} is empty: a password was expected")
    if "\0" in text or "\n" in text:
        raise UsageError(f"{what} has more than one line: a password was expected, and nothing else")
    return text
