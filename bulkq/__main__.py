"""`python -m bulkq` and the `bulkq` script."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130

COLLECTED_AFTER = (500_000, 20, 50)
"""How seldom the garbage collector looks while modules are imported, by generation. They leave no garbage behind, and a look at all of
them takes ten milliseconds. A task has it look more often.
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

        code = program(arguments)
    except KeyboardInterrupt:
        if sys.stderr is not None:
            sys.stderr.write("bulkq: interrupted\n")
        code = INTERRUPTED
    _end_at_once(code)
    if arguments is None:
        _end_soon(code)
    return code


def _end_at_once(code: int) -> None:
    """End the process here where a library's threads would keep it alive or crash it; all is written and closed by now."""
    leftovers = sys.modules.get("bulkq.drivers.leftover_threads")
    if leftovers is None or not leftovers.LEFTOVERS.must_end_at_once():
        return
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # closed
            stream.flush()
    os._exit(code)


def _end_soon(code: int) -> None:
    """End the process of the command as the interpreter does, but leave its memory to the system: to free it takes 5 to 10 ms.

    What libraries have registered with `atexit` is called, and the streams are flushed. Returns if that cannot be done here: there are
    threads, a profiler or a debugger is attached, or a stream cannot be flushed, which is an exit code of the interpreter.
    """
    threading = sys.modules.get("threading")
    if (threading and threading.active_count() > 1) or sys.gettrace() or sys.getprofile() or sys.flags.interactive:
        return
    atexit._run_exitfuncs()  # noqa: SLF001 - as `multiprocessing` does, before it ends in the same way
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except Exception:  # noqa: BLE001 - the interpreter tries again, and says so
        return
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
