"""Names of output files: places in them, one name per query, names of retries, two options that name one file.

Called by `bulkq.sinks.opening`, `bulkq.sinks.files` and `bulkq.tasks`.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.sinks.partials import SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.model import Query

PLACES = re.compile(r"\{([^{}]*)\}")
LONGEST_NAME = 80
STDOUT = "-"


def destination(path: str) -> Path:
    """`path` with symbolic links followed, so that the file they point to is replaced, not the link.

    Raises:
        UsageError: it is a folder, or there is no such folder.
    """
    given = Path(path)
    if not path or os.path.isdir(given):  # noqa: PTH112 - Path.is_dir raises where we may not look
        raise UsageError(f'"{path}" is a folder; name a file in it' if path else "the name of a file is empty")
    if not os.path.isdir(given.parent):  # noqa: PTH112
        raise UsageError(f'there is no folder "{given.parent}" for "{path}"; make it first')
    try:
        return given.resolve()
    except (OSError, RuntimeError) as error:
        raise UsageError(f'cannot write "{path}": {error}') from error


def is_special(path: str) -> bool:
    """Whether `path` is there and neither a file nor a folder: /dev/null, a FIFO, a terminal."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def retry_path(path: str, run: str) -> str:
    """Where a retry writes: `out.jsonl` becomes `out.retry-01kb4x.jsonl`; only the last suffix moves, places stay.

    What is no file, stdout or /dev/null, stays what it is.
    """
    if path == STDOUT or is_special(path):
        return path
    stem, suffix = os.path.splitext(path)  # noqa: PTH122 - Path would drop a leading "./"
    return f"{stem}.retry-{run}{suffix}"


def same_file(paths: Iterable[tuple[str, str | None]], *, queries: Sequence[Query] = (), target: str = "") -> None:
    """Refuse two options that would write one file, however they name it: relative, absolute, by a link.

    Args:
        paths: an option and its path, as in `("-o", "out.jsonl")`; None, "-" and special files are never the same.
        queries: those that fill `{query}`.
        target: what fills `{target}`.

    Raises:
        UsageError: names both options and both paths.
    """
    owners: dict[str, tuple[str, str]] = {}
    for option, path in paths:
        if path is None or path == STDOUT or is_special(path):
            continue
        claims = {claim for filled in _every(path, queries, target) for claim in _claims(os.path.realpath(filled))}
        for claim in claims & owners.keys():
            other, theirs = owners[claim]
            raise UsageError(f'{other} "{theirs}" and {option} "{path}" would write the same file; give each its own')
        owners.update(dict.fromkeys(claims, (option, path)))


def filled_paths(path: str, queries: Sequence[Query], target: str) -> dict[str, str]:
    """The path of every query, by its name; folders are made when all is well.

    Raises:
        UsageError: an unknown place, no such folder, a path that leaves it, two queries that would write one file.
    """
    for name in PLACES.findall(path):
        if name not in {"query", "target"}:
            raise UsageError(f'"{path}": {{{name}}} is unknown; a path may hold {{query}} and {{target}}')
    literal = Path(path[: path.index("{")] + "x").parent
    if not literal.is_dir():
        raise UsageError(f'there is no folder "{literal}" for "{path}"; make it first')
    home = literal.resolve()
    paths: dict[str, str] = {}
    owners: dict[str, str] = {}
    for query in queries:
        filled = fill(path, query.name, target)
        place = os.path.realpath(filled)
        if not Path(place).is_relative_to(home):
            raise UsageError(f'"{path}" leaves its folder "{literal}" for query "{query.name}"')
        for claim in owners.keys() & _claims(place):
            raise UsageError(f'"{path}": the queries "{owners[claim]}" and "{query.name}" would both write "{filled}"')
        owners.update(dict.fromkeys(_claims(place), query.name))
        paths[query.name] = filled
    for filled in paths.values():
        _make_folder(Path(filled).parent, path)
    return paths


def fill(path: str, query: str, target: str) -> str:
    """`path` with its places filled."""
    return path.replace("{query}", slug(query)).replace("{target}", slug(target))


def slug(name: str) -> str:
    """`name` as a part of a file name: letters, digits, `.`, `-`, `_`; never a path, never hidden, never empty."""
    text = re.sub(r"[^\w.-]+", "_", name)
    text = re.sub(r"^[._]*\.[._]*", "", text)  # neither hidden nor upwards
    return text[:LONGEST_NAME] or "_"


def _claims(place: str) -> set[str]:
    """The names that an output takes: its own, and that of its partial."""
    return {place, place + SUFFIX}


def _every(path: str, queries: Sequence[Query], target: str) -> set[str]:
    return {path, *(fill(path, query.name, target) for query in queries)}


def _make_folder(folder: Path, path: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f'cannot make the folder "{folder}" for "{path}": {error.strerror}') from error
