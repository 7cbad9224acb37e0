"""`python -m bulkq` and the `bulkq` script."""

from __future__ import annotations

import atexit
import gc
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130

COLLECTED_AFTER = (50_000, 20, 50)
"""How seldom the garbage collector looks, by generation. Imports leave no garbage behind, and lanes make their objects per
batch, which reference counts free: a look after every 700 allocations costs a tenth of a run of short queries.
"""

SWITCHED_AFTER_S = 0.0005
"""How long one thread may keep the interpreter while another waits for it. The loop works in pieces of a millisecond or less, and
should not wait five for a thread that imports, encodes or writes the ledger.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; an interrupt that comes while it is being imported is a line as well, not a traceback."""
    gc.set_threshold(*COLLECTED_AFTER)
    sys.setswitchinterval(SWITCHED_AFTER_S)
    atexit.register(gc.freeze)  # all is closed by then, and a last look for garbage takes longer than 10,000 queries
    try:
        from bulkq.cli import main as program

        return program(arguments)
    except KeyboardInterrupt:
        if sys.stderr is not None:
            sys.stderr.write("bulkq: interrupted\n")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
