"""pyarrow, which the extra `parquet` installs."""

from __future__ import annotations

from bulkq.errors import MissingDriver

INSTALL = "pip install 'bulkq[parquet]'"


def require_pyarrow(purpose: str) -> None:
    """Import pyarrow, so that the other modules of this room can.

    Args:
        purpose: what needs it, as the subject of a sentence.

    Raises:
        MissingDriver: it is not installed.
    """
    try:
        import pyarrow as pa  # noqa: F401
    except ImportError as error:
        if getattr(error, "name", None) == "pyarrow":
            raise MissingDriver(f'{purpose} needs the package "pyarrow": {INSTALL}') from None
        raise MissingDriver(f"{purpose} needs pyarrow, which cannot be imported: {error}") from None
