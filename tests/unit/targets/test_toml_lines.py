"""The line of every key of a TOML text, whatever its values hold."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkq.targets.toml_lines import key_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = '''\
# a comment with [brackets] and = signs
title = "a \\"quoted\\" # text" # and a comment
date = 1979-05-27 07:32:00
when = 07:32:00

[targets.dev]
url = 'sqlite:///C:\\a.db'
tags = [
  "one", # [two
  "three",
]
password = { env = "A", "file" = """x""" }
expect.sql = """
select ']' as "targets"
""""
expect.value = \'\'\'
key = 1
\'\'\'\'

[ targets . "eu.db1" ]
"a \\u00e9" = 1

[groups]
all = ["dev",
       "eu.db1"]

[[points]]
x = [{ a = 1 },
     { a = 2, b = [3, 4], }]
[[points]]
x = -1.5e3
'''


def test_every_key_has_its_line() -> None:
    """Tables, dotted and quoted keys, arrays over several lines, inline tables, strings that look like TOML."""
    text = TEXT.replace("b = [3, 4], }", "b = [3, 4] }")
    tomllib.loads(text)
    lines = key_lines(text)
    wanted = {
        ("title",): 2,
        ("date",): 3,
        ("when",): 4,
        ("targets",): 6,
        ("targets", "dev"): 6,
        ("targets", "dev", "url"): 7,
        ("targets", "dev", "tags", 0): 9,
        ("targets", "dev", "tags", 1): 10,
        ("targets", "dev", "password"): 12,
        ("targets", "dev", "password", "env"): 12,
        ("targets", "dev", "password", "file"): 12,
        ("targets", "dev", "expect"): 13,
        ("targets", "dev", "expect", "sql"): 13,
        ("targets", "dev", "expect", "value"): 16,
        ("targets", "eu.db1"): 20,
        ("targets", "eu.db1", "a é"): 21,
        ("groups", "all"): 24,
        ("groups", "all", 1): 25,
        ("points", 0, "x"): 28,
        ("points", 0, "x", 0, "a"): 28,
        ("points", 0, "x", 1, "b", 1): 29,
        ("points", 1): 30,
        ("points", 1, "x"): 31,
    }
    assert {path: lines[path] for path in wanted} == wanted


def paths(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every key that `tomllib` found, from the top."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from paths(inner, (*path, number))


WORDS = st.sampled_from(
    [
        "a = 1",
        "[t]",
        "[t.u]",
        "[[l]]",
        "b.c = '#'",
        'd = "]"',
        "e = [1, [2]]",
        "f = {g = {h = []}}",
        '"i j" = """\n\n"""',
        "# k",
        "",
        "l.m = 1979-05-27 07:32:00Z",
    ]
)


@given(st.lists(WORDS, max_size=12))
def test_what_tomllib_takes_has_lines(parts: list[str]) -> None:
    """Whatever `tomllib` understands, each of its keys has a line on which that key stands."""
    text = "\n".join(parts)
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = key_lines(text)
    rows = text.split("\n")
    for path in paths(parsed):
        key = path[-1]
        assert isinstance(key, int) or key in rows[lines[path] - 1]


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing", "a = 1"])
def test_little_is_enough(text: str) -> None:
    """A text without keys has no lines; one without a newline at its end has them."""
    assert key_lines(text) == ({("a",): 1} if "=" in text else {})
