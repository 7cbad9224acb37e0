"""`python -m bulkq` and the `bulkq` script."""

from __future__ import annotations

import sys

from bulkq.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
