"""Import what a ledger needs, in a thread: a library that fails there is named in one line."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING

from bulkq.errors import LedgerError
from bulkq.text.failed_import import IMPORT_ERRORS, failed_import, is_from_bulkq

if TYPE_CHECKING:
    from types import ModuleType

    from bulkq.ledger.location import LedgerLocation


async def import_for(place: LedgerLocation, module: str, library: str) -> ModuleType:
    """Import `module`, which needs `library`, for the ledger at `place`.

    Raises:
        LedgerError: a package is missing, or fails in its import.
    """
    try:
        return await asyncio.to_thread(import_module, module)
    except IMPORT_ERRORS as error:
        if is_from_bulkq(error):
            raise
        raise LedgerError(
            f'ledger "{place.shown}" cannot be opened: {failed_import(error)}: install another version of '
            f"{library}, or choose another ledger with --ledger"
        ) from error
