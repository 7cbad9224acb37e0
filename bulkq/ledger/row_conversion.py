"""Convert values of `bulkq.model` to rows of the ledger's tables and back."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from bulkq.model import Failure, Outcome, RunRecord, RunState, SourcePosition
from bulkq.model.run_event import RunEvent
from bulkq.model.shard import parse_shard
from bulkq.text.urls import hide_passwords

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.model import SinkPosition

Row = dict[str, object]

RECORD = tuple(field.name for field in fields(RunRecord))


def run_row(record: RunRecord) -> Row:
    """The row of a run. Passwords in target URLs are removed here."""
    row: Row = {name: getattr(record, name) for name in RECORD}
    row["state"] = str(record.state)
    row["shard"] = None if record.shard is None else str(record.shard)
    row["targets"] = json.dumps([hide_passwords(target) for target in record.targets], ensure_ascii=False)
    return row


def first_rows(
    record: RunRecord, sources: Sequence[str], outputs: Sequence[tuple[int, SinkPosition]]
) -> dict[str, list[Row]]:
    """By table, all rows of a run that begins, but for its heartbeat."""
    made = {
        "runs": [run_row(record)],
        "spools": [{"run": record.run, "place": place, "path": path} for place, path in enumerate(sources)],
        "positions": position_rows(record.run, outputs),
    }
    return {table: some for table, some in made.items() if some}


def position_rows(run: str, outputs: Sequence[tuple[int, SinkPosition]]) -> list[Row]:
    """The rows of how far the outputs of a run are, by part."""
    return [{"run": run, "part": part, "path": sink.path, "offset": sink.offset} for part, sink in outputs]


def run_record(row: Mapping[str, object]) -> RunRecord:
    """The run of a row.

    Raises:
        ValueError, TypeError, KeyError: no ledger holds such a row.
    """
    found: dict[str, Any] = {name: row[name] for name in RECORD}
    found["state"] = RunState(str(row["state"]))
    targets = json.loads(str(row["targets"]))
    if not isinstance(targets, list):
        raise TypeError("targets are not a list")
    found["targets"] = tuple(map(str, targets))
    found["shard"] = None if row["shard"] is None else parse_shard(str(row["shard"]))
    return RunRecord(**found)


def read_failure(row: Mapping[str, object], query: str, target: str) -> Failure:
    """The failure of a row; its values were never kept."""
    sqlstate = row["sqlstate"]
    return Failure(
        n=_int(row["n"]),
        source=str(row["source"]),
        target=target,
        query=query,
        params={},
        outcome=Outcome(str(row["outcome"])),
        sqlstate=None if sqlstate is None else str(sqlstate),
        message=str(row["message"]),
        attempts=_int(row["attempts"]),
    )


def source_row(source: SourcePosition | None) -> Row:
    """The columns of a source's position."""
    if source is None:
        return dict.fromkeys(("source_n", "source_offset", "source_line", "source_digest"))
    return {
        "source_n": source.n,
        "source_offset": source.offset,
        "source_line": source.line,
        "source_digest": source.digest,
    }


def source_position(row: Mapping[str, object]) -> SourcePosition | None:
    """The position in a row of `parts`."""
    if row["source_n"] is None:
        return None
    return SourcePosition(
        _int(row["source_n"]), _int(row["source_offset"]), _int(row["source_line"]), str(row["source_digest"])
    )


def run_event(row: Mapping[str, object]) -> RunEvent:
    """The event of a row.

    Raises:
        ValueError, TypeError, KeyError: no ledger holds such a row.
    """
    data = None if row["data"] is None else json.loads(str(row["data"]))
    return RunEvent(
        number=_int(row["number"]),
        at=str(row["at"]),
        kind=str(row["kind"]),
        text=str(row["text"]),
        by=str(row["made_by"]),
        data=data if isinstance(data, dict) else None,
    )


def _int(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{type(value).__name__} instead of a number")
    return value
