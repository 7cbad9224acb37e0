"""A column of a key is compared by the collation of its index."""

from __future__ import annotations

from bulkq.dialects.key_conversion import collated
from bulkq.model.key_range import KeyColumn


def test_only_another_collation_is_written() -> None:
    """The column has its own without a word."""
    assert collated("u.a", KeyColumn("a", "text", '"C"')) == 'u.a COLLATE "C"'
    assert collated("u.a", KeyColumn("a", "text")) == "u.a"
