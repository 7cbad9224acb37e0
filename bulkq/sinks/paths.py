"""Names of output files: `{query}` and `{target}`, names for retries, options that name the same file."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.model.frozen_dataclass import frozen
from bulkq.sinks.open_partial import SUFFIX
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.model import Query

PLACES = compile_late(r"\{([^{}]*)\}")
LONGEST_NAME = 80
STDOUT = "-"


def resolve_links(path: str) -> Path:
    """`path` with symbolic links followed, so that the file they point to is replaced, not the link.

    Raises:
        UsageError: it is a folder, or there is no such folder.
    """
    given = Path(path)
    if not path or os.path.isdir(given):  # noqa: PTH112 - Path.is_dir raises where we may not look
        raise UsageError(f'"{path}" is a folder: give the path of a file' if path else "the file name is empty")
    if not os.path.isdir(given.parent):  # noqa: PTH112
        raise UsageError(f'no folder "{given.parent}" for "{path}": create it first')
    try:
        found = given.resolve()
    except (OSError, RuntimeError) as error:
        raise UsageError(f'cannot write "{path}": {error}') from error
    if not os.path.isdir(found.parent):  # noqa: PTH112
        raise UsageError(f'"{path}" is a link into "{found.parent}", which does not exist: create the folder first')
    return found


def is_special(path: str) -> bool:
    """Whether `path` is there and neither a file nor a folder: /dev/null, a FIFO, a terminal."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def retry_path(path: str, run: str) -> str:
    """Where a retry writes: `out.jsonl` becomes `out.retry-01kb4x.jsonl`; only the last suffix moves, places stay.

    Paths that are not files, such as stdout or /dev/null, stay as they are.
    """
    if path == STDOUT or is_special(path):
        return path
    stem, suffix = os.path.splitext(path)  # noqa: PTH122 - Path would drop a leading "./"
    return f"{stem}.retry-{run}{suffix}"


def same_file(
    paths: Iterable[tuple[str, str | None]], *, queries: Sequence[Query] = (), targets: Sequence[str] = ("",)
) -> None:
    """Refuse two options that would write one file, however they name it: relative, absolute, by a link.

    Args:
        paths: an option and its path, as in `("-o", "out.jsonl")`; None, "-" and special files are never the same.
        queries: those that fill `{query}`.
        targets: those that fill `{target}`.

    Raises:
        UsageError: names both options and both paths.
    """
    owners: dict[str, tuple[str, str]] = {}
    for option, path in paths:
        if path is None or path == STDOUT or is_special(path):
            continue
        claims = {claim for filled in _every(path, queries, targets) for claim in _claims(os.path.realpath(filled))}
        for claim in claims & owners.keys():
            other, theirs = owners[claim]
            raise UsageError(f'{other} "{theirs}" and {option} "{path}" would write the same file: give each its own')
        owners.update(dict.fromkeys(claims, (option, path)))


def filled_paths(path: str, queries: Sequence[Query], *targets: str) -> dict[tuple[str, str], str]:
    """The path of every query on every target, by their names; folders are made when all is well.

    Raises:
        UsageError: an unknown place, no such folder, a path that leaves it, two queries or targets that would write one file.
    """
    for name in PLACES.findall(path):
        if name not in {"query", "target"}:
            raise UsageError(f'"{path}": {{{name}}} is unknown: use {{query}} and {{target}}')
    literal = Path(path[: path.index("{")] + "x").parent
    if not literal.is_dir():
        raise UsageError(f'no folder "{literal}" for "{path}": create it first')
    home = literal.resolve()
    paths: dict[tuple[str, str], str] = {}
    owners: dict[str, _PathFields] = {}
    for target in targets:
        for query in queries:
            filled = fill_places(path, query.name, target)
            place = os.path.realpath(filled)
            if not Path(place).is_relative_to(home):
                raise UsageError(f'"{path}" leaves its folder "{literal}" for query "{query.name}"')
            owner = _PathFields(target if "{target}" in path else "", query.name if "{query}" in path else "")
            for claim in _claims(place):
                other = owners.setdefault(claim, owner)
                if other != owner:
                    raise UsageError(f'"{path}": {owner.clash(other)} would both write "{filled}"')
            paths[target, query.name] = filled
    for filled in dict.fromkeys(paths.values()):
        _make_folder(Path(filled).parent, path)
    return paths


@frozen
class _PathFields:
    """Whose file it is; "" where the path has no place for it."""

    target: str
    query: str

    def clash(self, other: _PathFields) -> str:
        """Return the two names that lead to one path, for an error message."""
        if self.target != other.target:
            return f'the targets "{other.target}" and "{self.target}"'
        return f'the queries "{other.query}" and "{self.query}"'


def fill_places(path: str, query: str, target: str) -> str:
    """`path` with its places filled."""
    return path.replace("{query}", make_slug(query)).replace("{target}", make_slug(target))


def make_slug(name: str) -> str:
    """`name` as a part of a file name: letters, digits, `.`, `-`, `_`; never a path, never hidden, never empty."""
    text = re.sub(r"[^\w.-]+", "_", name)
    text = re.sub(r"^[._]*\.[._]*", "", text)  # neither hidden nor upwards
    return text[:LONGEST_NAME] or "_"


def _claims(place: str) -> set[str]:
    """The names that an output takes: its own, and that of its partial."""
    return {place, place + SUFFIX}


def _every(path: str, queries: Sequence[Query], targets: Sequence[str]) -> set[str]:
    if not PLACES.search(path):
        return {path}
    return {path, *(fill_places(path, query.name, target) for query in queries for target in targets)}


def _make_folder(folder: Path, path: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f'cannot create the folder "{folder}" for "{path}": {error.strerror}') from error
