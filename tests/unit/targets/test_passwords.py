"""Where a password comes from, and what is said when it does not."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import UsageError
from bulkq.model import Secret
from bulkq.targets import find_password, passwords
from bulkq.targets.connect import with_password

if TYPE_CHECKING:
    from pathlib import Path


def shell(text: str, folder: str = "") -> Secret:
    """A secret as `command = "..."` makes it."""
    return Secret(command=("/bin/sh", "-c", text), folder=folder)


async def complaint(secret: Secret) -> str:
    """Why there is no password."""
    with pytest.raises(UsageError) as caught:
        await find_password(secret)
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def test_three_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment as it is; a file or a command's output without the newline at its end."""
    monkeypatch.setenv("APP_PW", " p w ")
    (tmp_path / "pw").write_bytes(b"p:w\xc3\xa9 \r\n")
    assert await find_password(Secret(env="APP_PW")) == " p w "
    assert await find_password(Secret(file=str(tmp_path / "pw"))) == "p:wé "
    assert await find_password(Secret(command=("printf", "%s", "a b"))) == "a b"
    assert await find_password(shell("echo said >&2; cat pw", str(tmp_path))) == "p:wé "


async def test_a_place_without_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not set, not there, empty, several lines, no text: one line each."""
    monkeypatch.delenv("APP_PW", raising=False)
    assert (
        await complaint(Secret(env="APP_PW"))
        == 'its password is read from the environment variable "APP_PW", which is not set'
    )
    monkeypatch.setenv("APP_PW", "")
    assert "is empty" in await complaint(Secret(env="APP_PW"))
    gone = tmp_path / "gone"
    assert (
        await complaint(Secret(file=str(gone)))
        == f'its password file "{gone}" cannot be read: no such file or directory'
    )
    for data, words in (
        (b"\n", "is empty"),
        (b"hunter2\nuser\n", "more than one line"),
        (b"\xff", "is not valid UTF-8"),
    ):
        gone.write_bytes(data)
        said = await complaint(Secret(file=str(gone)))
        assert words in said
        assert "hunter2" not in said
    assert "not stored with the run" in await complaint(Secret())


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("echo hunter2; echo no such vault >&2; exit 7", "its password command exited with status 7: no such vault"),
        ("echo hunter2; echo denied: hunter2 >&2; exit 1", "exited with status 1: denied: ***"),
        ("echo hunter2; exit 1", "exited with status 1 and printed no message"),
        ("echo hunter2; kill -TERM $$", "its password command was killed by SIGTERM"),
        ("true", "the output of its password command is empty"),
        ("echo hunter2; echo hunter3", "has more than one line"),
        (
            "yes x | head -c 300000 >&2; yes hunter2 | head -c 300000; exit 3",
            "its password command exited with status 3: ...",
        ),
    ],
)
async def test_a_command_that_fails(command: str, words: str) -> None:
    """What it says on stderr is shown, what it prints on stdout never."""
    said = await complaint(shell(command))
    assert words in said
    assert "hunter" not in said
    assert len(said) < 700


async def test_what_a_command_leaves_behind() -> None:
    """A process in the background that holds the pipes open does not hold us up, and goes too."""
    began_s = time.monotonic()
    assert await find_password(shell("sleep 60 & echo hunter2")) == "hunter2"
    assert time.monotonic() - began_s < 5


async def test_a_command_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program is named, its arguments are not."""
    monkeypatch.setenv("PATH", str(tmp_path))  # not one with folders that this user may not read
    said = await complaint(Secret(command=("no-such-program", "--token", "hunter2")))
    assert said == 'its password command "no-such-program" cannot be started: no such file or directory'


async def test_a_command_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is ended with everything that it started, and what it said is shown."""
    monkeypatch.setattr(passwords, "COMMAND_S", 0.3)
    began_s = time.monotonic()
    said = await complaint(
        shell("echo hunter2; echo hunter2 is locked >&2; sleep 60 & echo $! > pid; wait", str(tmp_path))
    )
    assert said == "its password command did not end within 0.3s: *** is locked"
    assert time.monotonic() - began_s < 5
    pid = int((tmp_path / "pid").read_text())
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if "Z" in _state(pid):
            return
        await asyncio.sleep(0.02)
    pytest.fail("what the command had started is still there")


def _state(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("postgresql://u@h:1/d?sslmode=require", "postgresql://u:a%40b%2F%3A%3F@h:1/d?sslmode=require"),
        ("postgresql://h/d", "postgresql://:a%40b%2F%3A%3F@h/d"),
        ("postgresql:///d?host=/run&user=u@x", "postgresql://:a%40b%2F%3A%3F@/d?host=/run&user=u@x"),
        ("mysql+pymysql://u:@h", "mysql+pymysql://u:a%40b%2F%3A%3F@h"),
        ("postgresql://u@h1:1,h2:2/d", "postgresql://u:a%40b%2F%3A%3F@h1:1,h2:2/d"),
    ],
)
def test_a_password_goes_into_the_url(url: str, whole: str) -> None:
    """Percent-encoded, where every library looks for it; the rest is as it was."""
    assert with_password(url, "a@b/:?") == whole
