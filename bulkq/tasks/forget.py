"""`bulkq ledger forget`: remove a run from the ledger, and what it kept of its rows from its targets."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from bulkq.errors import BulkqError, RefusedError
from bulkq.ledger import open_ledger
from bulkq.model import CHECK_MODE, RunState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.model import RunRecord
    from bulkq.targets import Config


async def forget(
    run: str, *, ledger: str, changes: Mapping[str, object], config: Config | None = None, yes: bool = False
) -> tuple[RunRecord, tuple[str, ...], list[str]]:
    """Remove a run from the ledger, and its images from its targets.

    Args:
        run: its id, or the beginning of it.
        ledger: where it is recorded.
        changes: fields of `Run` that are different now: the targets' passwords.
        config: where names of targets are looked up; by default what the run's folder has.
        yes: forget it even if it could still be resumed, and even if its images cannot be removed.

    Returns:
        Its record, the files that were kept for it, and what could not be removed, for people.

    Raises:
        UsageError: there is no such run.
        RefusedError: it could still be resumed.
        BulkqError: its images cannot be removed.
    """
    stored = await open_ledger(ledger, create=False)
    try:
        record = await stored.find(run)
        if record.state is not RunState.FINISHED and not yes:
            raise RefusedError(
                f"run {record.run} is not finished and could no longer be resumed: add --yes to forget it"
            )
        left: list[str] = []
        try:
            if not await stored.owner_alive(record):  # else the ledger refuses to forget it
                await _remove_images(record, changes, ledger, config)
        except BulkqError as error:
            if not yes:
                error.args = (f"{error} (add --yes to forget the run all the same)",)
                raise
            left.append(f"what run {record.run} kept of its rows remains in its targets: {error}")
        return record, await stored.forget(record.run), left
    finally:
        await stored.close()


async def _remove_images(record: RunRecord, changes: Mapping[str, object], ledger: str, config: Config | None) -> None:
    if record.mode == CHECK_MODE or not _captures(record):
        return
    # Not at the top: a run without images is forgotten without what connects to databases.
    from bulkq import markers
    from bulkq.drivers import dialect_of
    from bulkq.lifecycle import open_targets, restore_request
    from bulkq.lifecycle.backfill.row_image_queries import forget_images
    from bulkq.lifecycle.take_over_targets import marker_tables

    request, folder = restore_request.request_of(record, changes, ledger, config)
    assert request.backfill is not None, "a run that captures is a backfill"
    wanted = request.backfill.capture_table
    os.chdir(folder)
    tables = marker_tables(record)

    async def remove(target: OpenTarget) -> None:
        place, dialect = target.places[0], dialect_of(target.definition.url)
        found = tables[place]
        if found is None:
            return
        connection = await open_targets.connected(target, request.limits.connect_timeout_s)
        try:
            name = markers.images_table(found, wanted, dialect)
            await forget_images(connection, name, record.run, dialect)
        finally:
            await connection.close()

    targets = open_targets.open_all(request, f"bulkq/{record.run}", lambda _: None)
    await open_targets.side_by_side(targets, remove, write=True)
    for target in targets:
        if target.lost is not None:
            raise target.lost


def _captures(record: RunRecord) -> bool:
    """Whether a run keeps images of rows."""
    backfill = json.loads(record.request).get("run", {}).get("backfill") or {}
    return bool(backfill.get("capture"))
