"""Where sockets of runs are: private, short enough, and found again."""

from __future__ import annotations

import os
import socket
import tempfile
from typing import TYPE_CHECKING

import pytest

from bulkq.control import socket_folder
from bulkq.control.socket_folder import LONGEST_PATH, make_folder, refuse_foreign, remove_folder, socket_of, sockets

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder of the user who runs the tests; paths of pytest may be long."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setattr(socket_folder, "_temporary_folder", lambda: str(tmp_path / "t"))
    monkeypatch.setattr(socket_folder, "LONGEST_PATH", LONGEST_PATH + len(str(tmp_path)))
    monkeypatch.chdir(tmp_path)


def listen(folder: Path) -> socket.socket:
    """A socket in the folder of a run, by a short path."""
    made = socket.socket(socket.AF_UNIX)
    made.bind(os.path.relpath(folder / socket_folder.SOCKET))
    return made


def test_a_folder_is_private(tmp_path: Path) -> None:
    """Mode 0700, with those that had to be made above it; nothing is left after it was removed."""
    state = tmp_path / "s" / "bulkq"
    folder = make_folder("01kb", state)
    assert folder == state / "live" / "01kb"
    assert {path.stat().st_mode & 0o777 for path in (folder, folder.parent, state, state.parent)} == {0o700}
    assert make_folder("01kb", state) == folder
    with listen(folder):
        assert dict(sockets(state)) == {"01kb": folder / socket_folder.SOCKET}
        assert socket_of("01kb", state) == folder / socket_folder.SOCKET
        assert socket_of("01kc", state) is None
        remove_folder(folder)
    assert not folder.exists()
    assert list(sockets(state)) == []
    remove_folder(folder)


def test_a_long_path_has_its_socket_elsewhere(tmp_path: Path) -> None:
    """In the runtime folder if there is one, else in that for temporary files; readers find it there."""
    state = tmp_path / ("long" * 30) / "bulkq"
    (tmp_path / "t").mkdir()
    assert make_folder("01kb", state) == tmp_path / "t" / f"bulkq-{os.getuid()}" / "01kb"
    assert not (tmp_path / "runtime").exists()
    (tmp_path / "runtime").mkdir()
    folder = make_folder("01kb", state)
    assert folder == tmp_path / "runtime" / "bulkq" / "01kb"
    with listen(folder):
        assert [run for run, _ in sockets(state)] == ["01kb"]
        assert [run for run, _ in sockets(None)] == ["01kb"]


def test_no_folder_at_all(tmp_path: Path) -> None:
    """The error is that of the first place, or names the length."""
    with pytest.raises(FileNotFoundError):
        make_folder("01kb", None)
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="Not a directory"):
        make_folder("01kb", tmp_path / "file" / "bulkq")
    with pytest.raises(OSError, match="the path of the socket is longer than"):
        make_folder("x" * 200, None)


def test_the_folder_for_temporary_files_is_that_of_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of the variables that names a folder which can be written to."""
    monkeypatch.undo()
    for name in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (("TMP", str(tmp_path)), ("TEMP", str(tmp_path / "none")), ("TMPDIR", "")):
        monkeypatch.setattr(tempfile, "tempdir", None)
        assert socket_folder._temporary_folder() == tempfile.gettempdir()
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert socket_folder._temporary_folder() == tempfile.gettempdir() == str(tmp_path)


def test_a_folder_of_others_is_refused(tmp_path: Path) -> None:
    """One that others can write to, a link, a file: what is in it may be a trap."""
    open_ = tmp_path / "open"
    open_.mkdir()
    open_.chmod(0o777)
    link, file = tmp_path / "link", tmp_path / "file"
    link.symlink_to(tmp_path)
    file.write_text("")
    for path in (open_, link, file):
        with pytest.raises(PermissionError, match="is not a private folder of this user"):
            refuse_foreign(path)
    state = tmp_path / "bulkq"
    (state / "live").mkdir(parents=True)
    (state / "live").chmod(0o777)
    assert list(sockets(state)) == []
