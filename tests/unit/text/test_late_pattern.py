"""Patterns that are compiled when they are first used."""

from __future__ import annotations

import copy
import re

import pytest

from bulkq.text.late_pattern import METHODS, compile_late


def test_a_late_pattern_is_a_pattern() -> None:
    """Every method and attribute is that of `re.Pattern`, for text and for bytes."""
    source, flags = r"(?P<word>[a-z]+)-(\d+)", re.IGNORECASE | re.ASCII
    late, plain = compile_late(source, flags), re.compile(source, flags)
    assert [m.groups() for m in late.finditer("A-1, b-22")] == [m.groups() for m in plain.finditer("A-1, b-22")]
    assert late.sub(r"\2", "a-1 b-2") == "1 2"
    assert (late.pattern, late.flags, late.groups, late.groupindex) == (source, plain.flags, 2, {"word": 1})
    assert {*METHODS} >= {"match", "search", "fullmatch", "split", "findall", "finditer", "sub", "subn", "scanner"}
    assert compile_late(rb"\d+").findall(b"1 22") == [b"1", b"22"]


def test_it_is_compiled_at_its_first_use() -> None:
    """Until then, not even an error in it shows; no other attribute compiles it, and a copy works before and after."""
    late = compile_late(r"(")
    with pytest.raises(AttributeError, match="^finds$"):
        late.finds  # type: ignore[attr-defined]  # noqa: B018
    twin = copy.copy(late)
    for one in (late, twin):
        with pytest.raises(re.error):
            one.search("")
    used = compile_late("a")
    assert used.match("a")
    assert copy.copy(used).match("a")
