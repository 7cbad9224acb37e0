"""Coverage in the children of the fork server: they leave what it saw in a folder, and the server saves it once.

A child that saved it itself would spend as long on a database as on a short run, and the end of the tests on reading a thousand.
"""

from __future__ import annotations

import marshal
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


class Follower:
    """Coverage of this process and of its forks; does nothing where none runs."""

    def __init__(self, folder: Path) -> None:
        """Nothing is measured until `resume`; `folder` is that of the notes of the children."""
        self._folder = folder
        self._followed = True
        self._measured: Any = None
        if "coverage" in sys.modules:
            from coverage import Coverage

            self._measured = Coverage.current()
        if self._measured is not None:
            self._measured.stop()

    def resume(self) -> None:
        """Measure from now on. The imports before would be most of what a child notes, and all tests show them."""
        if self._measured is not None:
            end = os._exit
            self._measured.start()
            os._exit = end  # each start wraps it once more, to save what was seen

    def begin(self, *, followed: bool) -> None:
        """In a child: measure nothing unless it is `followed`: its test does what another has shown."""
        self._followed = followed
        if self._measured is None:
            return
        self._measured._auto_save = False
        if not followed:
            self._measured.stop()

    def note(self) -> None:
        """In a child, at its end: leave what was seen to the server."""
        if self._measured is None or not self._followed:
            return
        self._measured.stop()
        seen = {name: tuple(arcs) for name, arcs in self._measured._collector.data.items() if arcs}
        (self._folder / f"{os.getpid()}.seen").write_bytes(marshal.dumps(seen))

    def gather(self) -> None:
        """In the server, at its end: add the notes of the children to what it saw itself, which coverage saves then."""
        if self._measured is None:
            return
        collector = self._measured._collector
        for file in self._folder.glob("*.seen"):
            for name, arcs in marshal.loads(file.read_bytes()).items():
                collector.data.setdefault(name, set()).update(arcs)
        collector._activity = lambda: True  # else it takes itself for saved
