"""Names of outputs: retries, and options that name one file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import UsageError
from bulkq.model import Query
from bulkq.sinks import retry_path, same_file
from bulkq.sinks.paths import filled_paths, resolve_links

if TYPE_CHECKING:
    from pathlib import Path

QUERIES = [Query("one", "select 1"), Query("two", "select 2")]


@pytest.mark.parametrize(
    ("path", "retry"),
    [
        ("out.jsonl", "out.retry-01kb4x.jsonl"),
        ("./out.csv", "./out.retry-01kb4x.csv"),
        ("/a.b/out", "/a.b/out.retry-01kb4x"),
        ("out.csv.gz", "out.csv.retry-01kb4x.gz"),
        ("out/{target}/{query}.csv", "out/{target}/{query}.retry-01kb4x.csv"),
        ("{query}", "{query}.retry-01kb4x"),
        (".hidden", ".hidden.retry-01kb4x"),
        ("-", "-"),
        ("/dev/null", "/dev/null"),
    ],
)
def test_where_a_retry_writes(path: str, retry: str) -> None:
    """Before the last suffix; places stay; what is no file stays."""
    assert retry_path(path, "01kb4x") == retry


@pytest.mark.parametrize(
    ("output", "failures"),
    [
        ("x.jsonl", "x.jsonl"),
        ("x.jsonl", "./sub/../x.jsonl"),
        ("x.jsonl", "{home}/x.jsonl"),
        ("link.jsonl", "x.jsonl"),
        ("folder/x.jsonl", "x.jsonl"),
        ("x.jsonl", "x.jsonl.partial"),
        ("x.jsonl.partial", "x.jsonl"),
        ("{{query}}.jsonl", "two.jsonl"),
        ("{{target}}-{{query}}.jsonl", "shop-one.jsonl"),
    ],
)
def test_one_file_by_two_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, failures: str) -> None:
    """One line that names both options, before anything is opened."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "folder").symlink_to(".")
    (tmp_path / "link.jsonl").symlink_to("x.jsonl")
    output, failures = output.format(home=tmp_path), failures.format(home=tmp_path)
    with pytest.raises(UsageError) as caught:
        same_file([("-o", output), ("--failures", failures)], queries=QUERIES, targets=["shop"])
    assert str(caught.value) == (
        f'-o "{output}" and --failures "{failures}" would write the same file: give each its own'
    )


def test_names_that_are_not_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other files, no file, stdout, special files, and a hard link, of which only one name is replaced."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").touch()
    os.link(tmp_path / "a", tmp_path / "b")
    pairs = [("a", "b"), ("-", "-"), ("/dev/null", "/dev/null"), ("{query}.csv", "three.csv"), (None, None)]
    for output, failures in pairs:
        same_file([("-o", output), ("--failures", failures), ("--report", None)], queries=QUERIES)


def test_a_partial_is_not_another_querys_file(tmp_path: Path) -> None:
    """A query called after the partial of another is refused with it; a link to another's file as well."""
    with pytest.raises(UsageError, match='"one" and "one.partial" would both write'):
        filled_paths(f"{tmp_path}/{{query}}", [Query("one", ""), Query("one.partial", "")], "t")
    (tmp_path / "two.csv").symlink_to("one.csv")
    with pytest.raises(UsageError, match='"one" and "two" would both write'):
        filled_paths(f"{tmp_path}/{{query}}.csv", QUERIES, "t")


def test_a_link_into_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """A dangling link is a mistake in the command, found before anything runs."""
    link = tmp_path / "out.csv"
    link.symlink_to(tmp_path / "gone" / "out.csv")
    with pytest.raises(UsageError, match="is a link into .*gone.*create the folder first"):
        resolve_links(str(link))
