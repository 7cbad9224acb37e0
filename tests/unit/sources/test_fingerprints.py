"""Whether files are the same, and how it is said that they are not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import ParameterError
from bulkq.sources import Request
from bulkq.sources.fingerprints import find_changes, take_fingerprint

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ids.csv").write_text("id\n" + "1\n" * 600)


async def test_files_and_others() -> None:
    """A file has size and digest; what is no file is its own fingerprint."""
    os.mkfifo("pipe")
    specs = ("ids.csv", "range:id=1..5", "-", "sql:select 1", "@q.sql:ids", "pipe", "nothing.csv")
    found = await take_fingerprint(Request(specs=specs))
    size, _, digest = found.pop("ids.csv").partition(":")
    assert (size, len(digest)) == ("1203", 32)
    assert found.pop("nothing.csv") == ""
    assert found == {spec: spec for spec in specs[1:-1]}


async def test_the_differences(tmp_path: Path) -> None:
    """Other content, another size, no file any more: a line each; the same again: none."""
    request = Request(specs=("ids.csv", "range:id=1..5", "-"))
    before = await take_fingerprint(request)
    assert find_changes(before, await take_fingerprint(request)) == []
    path = tmp_path / "ids.csv"
    path.write_text("id\n" + "1\n" * 650)
    assert find_changes(before, await take_fingerprint(request)) == [
        "ids.csv changed since the run began: 1,203 bytes then, 1,303 now"
    ]
    path.write_text("id\n" + "2\n" * 600)
    assert find_changes(before, await take_fingerprint(request)) == [
        "ids.csv changed since the run began: 1,203 bytes then and now, but another content"
    ]
    path.unlink()
    gone = await take_fingerprint(request)
    assert find_changes(before, gone) == ["ids.csv was removed since the run began"]
    assert find_changes(gone, before) == ["ids.csv was added since the run began"]
    os.mkfifo("ids.csv")
    assert find_changes(before, await take_fingerprint(request)) == [
        "ids.csv changed since the run began: it is not a regular file any more"
    ]
    assert find_changes({"pipe": "pipe"}, {"pipe": ""}) == []


async def test_large_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a limit the time of the last change stands for the content."""
    monkeypatch.setattr("bulkq.sources.fingerprints.HASHED_WHOLE", 1000)
    request = Request(specs=("ids.csv",))
    os.utime("ids.csv", ns=(5, 5))
    before = await take_fingerprint(request)
    assert before == {"ids.csv": "1203:5"}
    os.utime("ids.csv", ns=(6, 6))
    assert find_changes(before, await take_fingerprint(request)) == [
        "ids.csv changed since the run began: 1,203 bytes then and now, but written to again"
    ]


async def test_files_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is the operating system's."""

    def refuse(*_: object, **__: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(ParameterError, match=r"^ids\.csv: cannot be opened: permission denied$"):
        await take_fingerprint(Request(specs=("ids.csv",)))
    with pytest.raises(ParameterError, match="cannot be opened: embedded null byte"):
        await take_fingerprint(Request(specs=("a\0.csv",)))
