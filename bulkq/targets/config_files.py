"""Find and read the configuration files.

Looked for from the current folder upwards: `bulkq.toml`, else a `pyproject.toml` that has `[tool.bulkq]`; the first that is
found ends the search. Beneath it lies the user's own file, `$XDG_CONFIG_HOME/bulkq/bulkq.toml`.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.model.frozen_dataclass import frozen
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAME = "bulkq.toml"
NONE = "none"
"""Instead of a file: no configuration at all, not even the user's."""

_POSITION = compile_late(r"\s*\(at line (\d+), column \d+\)|\s*\(at end of document\)")


@frozen
class ConfigDocument:
    """One file."""

    path: Path
    shown: str  # as people would name it from where they are
    table: Mapping[str, object]  # its configuration: the whole file, or [tool.bulkq]
    lines: Mapping[tuple[str | int, ...], int]
    prefix: tuple[str, ...] = ()  # of `lines`: ("tool", "bulkq") in a pyproject.toml
    exposed: bool = False  # others than its owner may read it

    def place(self, *keys: str | int) -> str:
        """`bulkq.toml:7` of a key, or of the nearest above it that has a line."""
        path = (*self.prefix, *keys)
        while path and path not in self.lines:
            path = path[:-1]
        return f"{self.shown}:{self.lines.get(path, 1)}"


def find_documents(named: str | None, folder: str | None = None) -> tuple[list[ConfigDocument], list[str]]:
    """The files that count, the strongest first, and what people should know of them.

    Args:
        named: of `--config`: a file that takes the place of the one that would be found, or `none`.
        folder: where the search begins; the current one by default.

    Raises:
        UsageError: a file cannot be read, or is no TOML.
    """
    if named == NONE:
        return [], []
    notices: list[str] = []
    found = [_named(Path(named))] if named else list(_project(folder, notices))
    user = _user_file()
    if user is not None and _is_there(user) and not any(_same(user, document.path) for document in found):
        found.append(_document(user, _read(user, str(user)), str(user)))
    return found, notices


def _named(path: Path) -> ConfigDocument:
    text = _read(path, str(path))
    return _document(path, text, str(path), pyproject=path.name == "pyproject.toml")


def _project(start: str | None, notices: list[str]) -> Iterator[ConfigDocument]:
    try:
        here = Path.cwd() if start is None else Path(start).absolute()
    except OSError:  # the folder is gone
        return
    for above in (here, *here.parents):
        for path in (above / NAME, above / "pyproject.toml"):
            if not _is_there(path):
                continue
            if _planted(path):
                notices.append(
                    f'"{path}" belongs to another user, in a folder that all users may write to: '
                    f"it is ignored; use --config {path} to read it"
                )
                continue
            shown = os.path.relpath(path, here)
            if path.name == NAME:
                yield _document(path, _read(path, shown), shown)
                return
            text = _read(path, shown, needed=False)
            if "bulkq" in text and _is_ours(text, shown):
                yield _document(path, text, shown, pyproject=True)
                return


def _is_there(path: Path) -> bool:
    """Whether there is such a file. In a folder that is closed to us (`su` and `cron` keep a HOME) nothing is ours."""
    try:
        return path.is_file()
    except PermissionError:
        return False


def _is_ours(text: str, shown: str) -> bool:
    """Whether a pyproject.toml has `[tool.bulkq]`. Errors in other tables of the file are ignored."""
    try:
        tool = _parse(text, shown).get("tool")
    except UsageError:
        if re.search(r"^\s*\[\s*tool\s*\.\s*bulkq\b", text, re.MULTILINE):
            raise
        return False
    return isinstance(tool, dict) and "bulkq" in tool


def _planted(path: Path) -> bool:
    """Whether another user may have created the file. A configuration can name commands, so such a file is ignored."""
    if not hasattr(os, "getuid"):
        return False
    ours = path.stat().st_uid in {0, os.getuid()}
    return not ours and bool(path.parent.stat().st_mode & stat.S_IWOTH)


def _user_file() -> Path | None:
    home = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    if home.is_absolute():  # https://specifications.freedesktop.org/basedir-spec/: others are ignored
        return home / "bulkq" / NAME
    try:
        return Path.home() / ".config" / "bulkq" / NAME
    except RuntimeError:  # an account without a home, in a container
        return None


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _read(path: Path, shown: str, *, needed: bool = True) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f'no such file: "{shown}": give --config the path of a bulkq.toml, or none') from None
    except (OSError, ValueError) as error:
        if not needed:
            return ""
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageError(f'cannot read "{shown}": {reason.lower()}') from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if not needed:
            return ""
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{shown}:{line}: byte 0x{data[error.start]:02x} is not UTF-8: save the file as UTF-8"
        ) from None


def _document(path: Path, text: str, shown: str, *, pyproject: bool = False) -> ConfigDocument:
    from bulkq.targets.toml_lines import key_lines

    table: object = _parse(text, shown)
    lines = key_lines(text)
    prefix: tuple[str, ...] = ()
    if pyproject:
        prefix = ("tool", "bulkq")
        for key in prefix:
            table = table.get(key, {}) if isinstance(table, dict) else {}
    if not isinstance(table, dict):
        raise UsageError(f"{shown}:{lines.get(prefix, 1)}: tool.bulkq must be a table: write [tool.bulkq.targets.NAME]")
    exposed = os.name == "posix" and bool(path.stat().st_mode & 0o077)
    return ConfigDocument(path.absolute(), shown, table, lines, prefix, exposed)


def _parse(text: str, shown: str) -> dict[str, object]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _POSITION.search(str(error))
        line = int(found[1]) if found and found[1] else text.count("\n") + 1
        what = _POSITION.sub("", str(error))
        raise UsageError(f"{shown}:{line}: invalid TOML: {what[:1].lower()}{what[1:]}") from None
    except RecursionError:
        raise UsageError(f"{shown}:1: invalid configuration: nested too deeply") from None
