"""Open a target, and load the queries of a file."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bulkq import query as queries
from bulkq.api.database import Database
from bulkq.dialects import DEFAULT
from bulkq.errors import UsageError
from bulkq.lifecycle.check_api_arguments import check_concurrency, shown
from bulkq.model import Query, Target
from bulkq.targets import Config, load_config, open_target, resolve_targets
from bulkq.text import urls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def open(  # noqa: A001 - `bulkq.open`, as documented
    target: str,
    concurrency: int | Literal["auto"] = 8,
    *,
    confirm: str | None = None,
    steerable: bool = False,
) -> AsyncIterator[Database]:
    """Open a target for runs with at most `concurrency` lanes, each with one connection.

    Args:
        target: `postgresql://...`, `sqlite:///...`, or the name of a target in `bulkq.toml` or `[tool.bulkq]`, which are looked
            for from the current folder upwards; connections are made when a run needs them.
        concurrency: lanes, 1 or more; "auto": as many as are useful, found while a run works.
        confirm: the name of a protected target, so that `execute(..., write=True)` may change it.
        steerable: let `bulkq ctl` reach the runs: each listens on a private unix socket while it works.

    Raises:
        UsageError: the URL cannot be used, or the name is not known.
    """
    check_concurrency(concurrency)
    one, config = _one(target)
    open_target(one, application_name="bulkq", read_only=True)  # a bad URL is an error here, not in the first run
    failed: BaseException | None = None
    async with asyncio.TaskGroup() as group:
        lanes = None if concurrency == "auto" else concurrency
        database = Database(one, lanes, group, confirm=confirm, config=config)
        database.steerable = steerable
        try:
            yield database
        except BaseException as error:  # noqa: BLE001 - raised again below, as itself and not inside an exception group
            failed = error
        database.stop()
    await database.close()
    if failed is not None:
        raise failed


def _one(text: str) -> tuple[Target, Config]:
    """The target of a URL or a name, and the configuration; files are read for a name only."""
    if not isinstance(text, str):
        raise UsageError(f"target={shown(text)}: a URL, or the name of a target in bulkq.toml")
    if urls.parse_scheme(text) is not None:
        return Target(url=text), Config()
    config = load_config()
    found = resolve_targets((text,), config)
    if len(found) > 1:
        raise UsageError(f'"{text}" is {len(found)} targets: open them one by one')
    return found[0], config


def load(path: str | Path, dialect: str = DEFAULT) -> dict[str, Query]:
    """The queries of a `.sql` file by name.

    Raises:
        UsageError: the file cannot be read.
        QueryFileError: the file cannot be understood; every line says `file:line`.
    """
    if not isinstance(path, str | Path):
        raise UsageError(f"path={shown(path)}: the path of a .sql file")
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UsageError(f'no such file: "{path}"') from error
    except OSError as error:
        raise UsageError(f'cannot read "{path}": {(error.strerror or str(error)).lower()}') from error
    except ValueError as error:  # not UTF-8, or a name that no file can have
        raise UsageError(f'cannot read "{path}": {error}') from error
    return {query.name: query for query in queries.load(text, str(path), dialect)}
