"""Find the line of each key of a TOML text, which `tomllib` does not report.

The text has been accepted by `tomllib` before, so that nothing is checked here: strings, brackets and comments are stepped over
and keys are written down.
"""

from __future__ import annotations

import re
import tomllib

from bulkq.text.late_pattern import compile_late

Path = tuple[str | int, ...]
"""Keys from the top of the document; an int is the place in an array."""

_STRING = compile_late(
    r'"""(?:\\.|[^\\])*?""""{0,2}' r"|'''.*?''''{0,2}" r'|"(?:\\.|[^"\\])*"' r"|'[^']*'",
    re.DOTALL,
)
_BARE_KEY = compile_late(r"[A-Za-z0-9_-]+")
_BLANK = compile_late(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = compile_late(r"[ \t]*")
_ATOM = compile_late(r"[^\s,\]}#]+")
_REST = compile_late(r"[^\n]*")


def key_lines(text: str) -> dict[Path, int]:
    """The line, from 1, on which each key of `text` is first written; elements of arrays too."""
    scan = _LineScanner(text)
    scan.document()
    return scan.lines


class _LineScanner:
    """A scan of `text` from the start. `lines` gets the line of each key."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {}
        self._tables: dict[Path, int] = {}
        self._number = 1
        self._counted = 0

    def document(self) -> None:
        """Tables and statements, to the end."""
        table: Path = ()
        self._step(_BLANK)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._step(_REST)
            self._step(_BLANK)

    def _header(self) -> Path:
        several = self.text.startswith("[[", self.at)
        line = self._line()
        self.at += 1 + several
        path: Path = self._key()
        self._note((), path, line)
        if several:
            number = self._tables.get(path, -1) + 1
            self._tables[path] = number
            path = (*path, number)
            self._note((), path, line)
        return path

    def _pair(self, table: Path) -> None:
        line = self._line()
        key = self._key()
        self._note(table, key, line)
        self._step(_SPACE)
        self.at += 1  # the equals sign
        self._step(_SPACE)
        self._value((*table, *key))

    def _key(self) -> Path:
        """`a."b c".d`, and what stands before the next sign."""
        parts: list[str] = []
        while True:
            self._step(_SPACE)
            found = _STRING.match(self.text, self.at) or _BARE_KEY.match(self.text, self.at)
            assert found is not None
            self.at = found.end()
            parts.append(tomllib.loads(f"key = {found[0]}")["key"] if found[0][0] in "\"'" else found[0])
            self._step(_SPACE)
            if not self.text.startswith(".", self.at):
                return tuple(parts)
            self.at += 1

    def _value(self, path: Path) -> None:
        sign = self.text[self.at]
        if sign == "[":
            self._array(path)
        elif sign == "{":
            self._inline(path)
        else:
            found = _STRING.match(self.text, self.at) or _ATOM.match(self.text, self.at)
            assert found is not None
            self.at = found.end()

    def _array(self, path: Path) -> None:
        number = 0
        self.at += 1
        while not self._closed("]"):
            self._note((), (*path, number), self._line())
            self._value((*path, number))
            number += 1

    def _inline(self, path: Path) -> None:
        self.at += 1
        while not self._closed("}"):
            self._pair(path)

    def _closed(self, sign: str) -> bool:
        """Whether an array or a table ends here; steps over what separates."""
        self._step(_BLANK)
        while self.text.startswith(",", self.at):
            self.at += 1
            self._step(_BLANK)
        if not self.text.startswith(sign, self.at):
            return False
        self.at += 1
        return True

    def _note(self, table: Path, key: Path, line: int) -> None:
        for end in range(1, len(key) + 1):
            self.lines.setdefault((*table, *key[:end]), line)

    def _step(self, over: re.Pattern[str]) -> None:
        found = over.match(self.text, self.at)
        assert found is not None
        self.at = found.end()

    def _line(self) -> int:
        """The line at the current position; positions only increase."""
        self._number += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._number
