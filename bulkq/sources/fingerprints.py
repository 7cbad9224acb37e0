"""Fingerprints of the files of a run, to detect changes without reading parameter sets."""

from __future__ import annotations

import asyncio
import os
import stat
from hashlib import blake2b
from typing import TYPE_CHECKING

from bulkq.sources.line_reader import refused_file
from bulkq.sources.prefix_digest import BLOCK, DIGEST_BYTES
from bulkq.text.characters import escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkq.sources.source_request import Request

HASHED_WHOLE = 1 << 30
"""Bytes up to which a file's content is compared; beyond it size and time of the last change have to do."""

GONE = ""
"""The fingerprint of a file that is not there."""


async def take_fingerprint(request: Request) -> dict[str, str]:
    """What every source of `request` looks like now.

    Returns:
        For each specification `size:digest` of a file (blake2b, 16 bytes, hexadecimal), `size:mtime` of one over 1 GiB
        (nanoseconds), "" of a file that is not there, and of everything else the specification itself.

    Raises:
        ParameterError: a file that cannot be read.
    """
    return {spec: await asyncio.to_thread(_of, spec) for spec in request.specs}


def find_changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """A line for every source whose fingerprint was another `before`; [] where all are the same.

    Sources that were no files do not count: what they gave is in the spool.
    """
    return [
        _difference(escape_unprintable(spec), then, now.get(spec, GONE))
        for spec, then in before.items()
        if then != spec and then != now.get(spec, GONE)
    ]


def _of(spec: str) -> str:
    if spec == "-" or spec.startswith(("range:", "sql:", "@")):
        return spec
    try:
        status = os.stat(spec)  # noqa: PTH116 - the specification is a text, and may be no path at all
        if not stat.S_ISREG(status.st_mode):
            return spec
        if status.st_size > HASHED_WHOLE:
            return f"{status.st_size}:{status.st_mtime_ns}"
        return _content(spec)
    except FileNotFoundError:
        return GONE
    except (OSError, ValueError) as error:
        raise refused_file(spec, error) from error


def _content(path: str) -> str:
    """Size and digest of the same bytes, even while another process appends to the file."""
    size, digest = 0, blake2b(digest_size=DIGEST_BYTES)
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - see above
        while data := file.read(BLOCK):
            size += len(data)
            digest.update(data)
    return f"{size}:{digest.hexdigest()}"


def _difference(name: str, then: str, now: str) -> str:
    if now == GONE:
        return f"{name} was removed since the run began"
    if then == GONE:
        return f"{name} was added since the run began"
    size_then, size_now = then.partition(":")[0], now.partition(":")[0]
    if not size_now.isdigit():
        return f"{name} changed since the run began: it is not a regular file any more"
    if size_then != size_now:
        return f"{name} changed since the run began: {int(size_then):,} bytes then, {int(size_now):,} now"
    how = "written to again" if int(size_now) > HASHED_WHOLE else "another content"
    return f"{name} changed since the run began: {int(size_now):,} bytes then and now, but {how}"
