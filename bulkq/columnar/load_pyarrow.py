"""pyarrow, which the extra `parquet` installs."""

from __future__ import annotations

from bulkq.errors import MissingDriver
from bulkq.text.failed_import import IMPORT_ERRORS, failed_import

INSTALL = "pip install 'bulkq[parquet]'"


def require_pyarrow(purpose: str) -> None:
    """Import pyarrow, so that the other modules of this room can.

    Args:
        purpose: what needs it, as the subject of a sentence.

    Raises:
        MissingDriver: it is not installed, or cannot be imported.
    """
    try:
        import pyarrow as pa  # noqa: F401
    except IMPORT_ERRORS as error:
        if isinstance(error, ImportError) and error.name == "pyarrow":
            raise MissingDriver(f'{purpose} needs the package "pyarrow": {INSTALL}') from None
        raise MissingDriver(f"{purpose} needs pyarrow, which cannot be imported: {failed_import(error)}") from None
