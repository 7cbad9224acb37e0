"""Throttles by themselves: the file signal, several as one, and what happens when a signal cannot be read."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import UsageError
from bulkq.throttles import AnyOf, base, check_throttles, open_throttle
from bulkq.throttles.base import PolledThrottle
from bulkq.throttles.file import FileThrottle

if TYPE_CHECKING:
    from pathlib import Path


class Signal(PolledThrottle):
    """Gives what it is told to, or raises it."""

    def __init__(self, *readings: str | OSError | None) -> None:
        super().__init__("signal")
        self._readings = list(readings)

    async def read(self) -> str | None:
        reading = self._readings.pop(0) if len(self._readings) > 1 else self._readings[0]
        if isinstance(reading, OSError):
            raise reading
        return reading


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read a hundred times a second."""
    monkeypatch.setattr(base, "EVERY_S", 0.01)


async def until(throttle: PolledThrottle | AnyOf, reason: str | None) -> None:
    """Wait until the throttle gives `reason`."""
    async with asyncio.timeout(10):
        while throttle.reason() != reason:
            await asyncio.sleep(0.005)


async def test_a_file_that_appears_and_goes(tmp_path: Path) -> None:
    """While the file exists it is a reason to wait."""
    path = tmp_path / "hold"
    throttle = FileThrottle(str(path))
    assert throttle.reason() == f"file {path} was not read yet"
    await throttle.open()
    assert throttle.reason() is None
    path.touch()
    await until(throttle, f"file {path} exists")
    path.unlink()
    await until(throttle, None)
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


async def test_a_signal_that_fails_later_holds_the_lanes() -> None:
    """An unknown state is a reason to wait, until the signal can be read again."""
    signal = Signal(None, OSError(5, "Input/output error"), None)
    await signal.open()
    assert signal.reason() is None
    await until(signal, "signal cannot be read: input/output error")
    await until(signal, None)
    await signal.close()


async def test_an_old_reading_holds_the_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal that is not read any more is a reason to wait, whatever it said last."""
    signal = Signal(None)
    await signal.open()
    await signal.close()
    monkeypatch.setattr(base, "UNREAD_S", 0.0)
    assert signal.reason() == "signal was not read for 0s"


async def test_all_reasons_are_named() -> None:
    """Of several throttles each must be content."""
    both = AnyOf([Signal("a is high"), Signal(None), Signal("b is high")])
    await both.open()
    assert both.reason() == "a is high; b is high"
    assert both.load() is None
    await both.close()


async def test_what_was_opened_is_closed_after_an_error() -> None:
    """One that cannot be opened leaves no task of another behind."""
    with pytest.raises(UsageError):
        async with AsyncExitStack() as stack:
            await open_throttle(["file:hold", f"file:{'x' * 300}"], stack)
    assert len(asyncio.all_tasks()) == 1


async def test_no_expression_is_no_throttle() -> None:
    """Without `--throttle` nothing is read."""
    async with AsyncExitStack() as stack:
        assert await open_throttle((), stack) is None
    assert check_throttles(["none"]) == ()
    assert check_throttles(["file:a", "file:b"]) == ("file:a", "file:b")


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("fil:hold", '--throttle "fil:hold": unknown signal "fil" (did you mean "file"?): use file:PATH'),
        ("hold", '--throttle "hold": unknown signal "hold": use file:PATH'),
        ("file:", '--throttle "file:": the path is missing: use file:PATH'),
        ("file", '--throttle "file": the path is missing: use file:PATH'),
    ],
)
def test_bad_expressions(expression: str, message: str) -> None:
    """An error quotes the expression and names the form."""
    with pytest.raises(UsageError) as raised:
        check_throttles([expression])
    assert str(raised.value) == message
