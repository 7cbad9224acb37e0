"""Names of files that a shard writes: `{shard}` in them is filled with `2-of-3`."""

from __future__ import annotations

from os.path import splitext
from typing import TYPE_CHECKING

from bulkq.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bulkq.model.shard import Shard

PLACE = "{shard}"


def own_file(option: str, path: str | None, shard: Shard | None) -> str | None:
    """Return the path that this shard alone writes, such as `rows-1-of-3.csv`; stdout and devices stay as they are.

    Raises:
        UsageError: the run is a shard, and the path has no `{shard}`; or the run is whole, and the path has one.
    """
    if path is not None and shard is not None and PLACE not in path and not _is_shared(path):
        stem, suffix = splitext(path)  # noqa: PTH122 - Path would drop a leading "./"
        raise UsageError(
            f'{option} "{path}": each shard would replace the file of the others: write {PLACE} into the name, for example '
            f'"{stem}-{PLACE}{suffix}"'
        )
    return None if path is None else filled(option, path, shard)


def filled(option: str, path: str, shard: Shard | None) -> str:
    """Return `path`, or `FORMAT:PATH`, with `{shard}` filled.

    Raises:
        UsageError: it has one, and the run is whole.
    """
    if shard is None and PLACE in path:
        raise UsageError(f'{option} "{path}": the run is not a shard: add --shard I/N, or leave {PLACE} out')
    return path if shard is None else path.replace(PLACE, shard.file_part)


def filled_reports(specs: Iterable[str], shard: Shard | None) -> tuple[str, ...]:
    """Return the values of `--report` with `{shard}` filled. A name without it is accepted: `bulkq report` writes it again.

    Raises:
        UsageError: a report has one, and the run is whole.
    """
    return tuple(filled("--report", spec, shard) for spec in specs)


def _is_shared(path: str) -> bool:
    """Return True for stdout, /dev/null and the like."""
    from bulkq.sinks.paths import is_special

    return path == "-" or is_special(path)
