"""`python -m bulkq` and the `bulkq` script."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; an interrupt that comes while it is being imported is a line as well, not a traceback."""
    try:
        from bulkq.cli import main as program

        return program(arguments)
    except KeyboardInterrupt:
        if sys.stderr is not None:
            sys.stderr.write("bulkq: interrupted\n")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
