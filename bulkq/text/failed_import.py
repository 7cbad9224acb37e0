"""What is said of a library that is installed and fails while it is imported."""

from __future__ import annotations

IMPORT_ERRORS: tuple[type[BaseException], ...] = (Exception, SystemExit)
"""What the import of a library raises: an ImportError at best; also what any other statement raises, or an exit of the process."""


def failed_import(error: BaseException) -> str:
    """The error in one line; the message of an ImportError says by itself what it is."""
    words = " ".join(str(error).split())
    kind = "" if isinstance(error, ImportError) and words else type(error).__name__
    return ": ".join(filter(None, (kind, words)))


def unusable_library(scheme: str, error: BaseException) -> str:
    """The message for a URL whose library fails in its import."""
    return (
        f"{scheme}:// cannot be used: {failed_import(error)}: install another version of its library, "
        "or use another library for this database"
    )


def is_from_bulkq(error: BaseException) -> bool:
    """Whether the import failed by a mistake in bulkq: a name that bulkq lacks, or an error in its code other than an ImportError."""
    if isinstance(error, ImportError):
        return (error.name or "").partition(".")[0] == "bulkq"
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    module = str(trace.tb_frame.f_globals.get("__name__", "")) if trace is not None else ""
    return module.partition(".")[0] == "bulkq" and not isinstance(error, SyntaxError)
