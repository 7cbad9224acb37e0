"""A file that holds the lanes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bulkq.errors import UsageError
from bulkq.throttles.file import FileThrottle
from tests.support.throttles import until

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_file_that_appears_and_goes(tmp_path: Path) -> None:
    """While the file exists it is a reason to wait."""
    path = tmp_path / "hold"
    throttle = FileThrottle(str(path))
    assert throttle.reason() == f"file {path} was not read yet"
    await throttle.open()
    assert throttle.reason() is None
    path.touch()
    await until(throttle, f"file {path} exists")
    assert throttle.readings()[0].value == "exists"
    path.unlink()
    await until(throttle, None)
    assert (throttle.readings()[0].name, throttle.readings()[0].value) == (f"file:{path}", "absent")
    await throttle.close()
    await throttle.close()


async def test_a_path_through_a_file_does_not_exist(tmp_path: Path) -> None:
    """A path that leads through a file names nothing."""
    (tmp_path / "plain").touch()
    throttle = FileThrottle(str(tmp_path / "plain" / "hold"))
    await throttle.open()
    assert throttle.reason() is None
    assert throttle.load() is None
    await throttle.close()


async def test_a_path_that_cannot_be_looked_up_is_refused() -> None:
    """A signal that cannot be read at the start is a usage error."""
    with pytest.raises(UsageError, match=r"^--throttle: file x+ cannot be read: file name too long$"):
        await FileThrottle("x" * 300).open()
