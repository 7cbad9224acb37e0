"""Errors of a library that cannot be imported."""

from __future__ import annotations

import pytest

from bulkq.text.failed_import import failed_import, is_from_bulkq, unusable_library


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ImportError("libpq.so:\n cannot open"), "libpq.so: cannot open"),
        (ImportError(), "ImportError"),
        (RuntimeError("built for\n\nnumpy 1"), "RuntimeError: built for numpy 1"),
        (SystemExit(), "SystemExit"),
    ],
)
def test_the_error_is_one_line(error: BaseException, line: str) -> None:
    """An ImportError says what it is; any other error has its class before its message."""
    assert failed_import(error) == line
    assert unusable_library("duckdb", error).startswith(f"duckdb:// cannot be used: {line}: install another version")


def raised_in(module: str) -> Exception:
    """An error that a statement of `module` raised."""
    try:
        exec("raise ValueError", {"__name__": module})
    except ValueError as error:
        return error
    raise AssertionError


def test_a_mistake_of_bulkq_is_told_from_one_of_a_library() -> None:
    """By the module whose statement raised the error, or that lacks a name."""
    assert is_from_bulkq(raised_in("bulkq.drivers.asyncpg"))
    assert not is_from_bulkq(raised_in("duckdb_engine"))
    assert is_from_bulkq(ImportError("no such name", name="bulkq.errors"))
    assert not is_from_bulkq(ImportError("no such name", name="asyncpg"))
    assert not is_from_bulkq(ImportError("no such file"))
    assert not is_from_bulkq(OSError("never raised"))
