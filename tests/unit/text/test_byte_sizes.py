"""Numbers of bytes, read and shown."""

from __future__ import annotations

import pytest

from bulkq.text.byte_sizes import parse_size, size_text


@pytest.mark.parametrize(
    ("text", "size"),
    [("500MB", 500_000_000), ("1.5 gb", 1_500_000_000), ("1TB", 10**12), ("2kb", 2_000), (" none ", None)],
)
def test_sizes(text: str, size: int | None) -> None:
    """A number and a unit, in any case."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "10", "10 G", "GB", "-1GB", "1e3MB"])
def test_what_is_not_a_size(text: str) -> None:
    """The message says what to write."""
    with pytest.raises(ValueError, match=f'"{text}" is not a size: write "500MB", "10GB", "1TB" or "none"'):
        parse_size(text)


def test_nothing_is_no_size() -> None:
    """A limit of nothing is a mistake."""
    with pytest.raises(ValueError, match='is not more than zero: write "none" for no limit'):
        parse_size("0.0001KB")


def test_sizes_are_shown() -> None:
    """With the unit that is read best."""
    assert [size_text(n) for n in (812, 64_000, 1_500_000, 12 * 10**9)] == ["812 bytes", "64 KB", "1.5 MB", "12.0 GB"]
