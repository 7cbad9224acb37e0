"""Type into an interactive shell on a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import select
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PATIENCE_S = 60.0
MARK = "~mark~"


class Shell:
    """A shell that lives as long as the block."""

    def __init__(self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        """Start the shell in `folder`."""
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.chdir(folder)
            os.execvpe(arguments[0], [*arguments], dict(environment))
        self._seen = ""

    def __enter__(self) -> Self:
        """The shell itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up, which ends the shell."""
        os.close(self._terminal)
        os.waitpid(self._pid, 0)

    def run(self, line: str) -> str:
        """Run a line and return all that the shell has shown until its end."""
        self.type(f"{line}; echo {MARK[:3]}''{MARK[3:]}\n")
        return self.until(f"\n{MARK}")

    def completed(self, line: str, rest: str) -> str:
        """Return the command line that a Tab makes of `line`, as the shell's own `echo` prints it.

        Args:
            line: what is typed before the Tab.
            rest: what the shell is to add; it is awaited on the terminal.
        """
        self.type(f"{line}\t")
        self.until(rest)
        self.type("\x01echo '<' \x05'>'\n")  # to the start of the line, to its end
        return self.until("\n<").partition("\n<")[0] and self.until(">").partition(">")[0].strip()

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._terminal, keys.encode())

    def until(self, text: str) -> str:
        """Read until the terminal shows `text`; return what it showed since the last time, up to the end of `text`."""
        end = time.monotonic() + PATIENCE_S
        while text not in self._seen:
            ready, _, _ = select.select([self._terminal], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"no {text!r} in {self._seen!r}"
            self._seen += os.read(self._terminal, 65536).decode(errors="replace").replace("\r", "")
        shown, _, self._seen = self._seen.partition(text)
        return shown + text
