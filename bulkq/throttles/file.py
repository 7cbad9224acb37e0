"""`file:PATH`: while the file exists, the lanes wait."""

from __future__ import annotations

import asyncio
import os

from bulkq.policy.throttle_expressions import ThrottleExpression
from bulkq.throttles.base import PolledThrottle


class FileThrottle(PolledThrottle):
    """Holds the lanes while a file or folder exists at `path`. Relative paths count from the working directory."""

    def __init__(
        self, path: str, every_s: float | None = None, name: str | None = None, target: str | None = None
    ) -> None:
        expression = ThrottleExpression(f"file:{path}", "file", argument=path)
        super().__init__(name or f"file {path}", every_s, expression=expression, target=target)
        self._path = os.path.abspath(path)  # noqa: PTH100 - resolves no links: the name counts

    async def read(self) -> str | None:
        """Look for the file.

        Raises:
            OSError: the system does not say whether it exists.
        """
        try:
            await asyncio.to_thread(os.stat, self._path)
        except (FileNotFoundError, NotADirectoryError):
            self.note("absent")
            return None
        self.note("exists")
        return f"{self.name} exists"
