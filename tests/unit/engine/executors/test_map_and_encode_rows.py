"""Rows that a worker maps and encodes."""

from __future__ import annotations

import pickle
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from bulkq.engine.executors.map_and_encode_rows import MANY_VALUES, PartDefinition, PartRows
from bulkq.errors import StoppedError
from bulkq.model import Batch, BatchResult, Column, Reply, SetError
from bulkq.sinks.extra_columns import ExtraColumns
from bulkq.sinks.json_rows import JsonLines
from bulkq.sinks.text_sink import EncodedRows, RowEncoder
from tests.support.parts import READ

REPLY = Reply((Column("a"),), [[1, 2]], [0, 1])
ENCODER = RowEncoder(JsonLines(), ExtraColumns(["n"]), rowcounts=True)


async def test_rows_are_encoded_as_the_output_wants_them() -> None:
    """The encoder travels; numbers of sets come from the batch, whose sets stay with the attempt."""
    rows = PartRows(pickle.loads(pickle.dumps(PartDefinition(READ, ENCODER))), ".")
    reply = await rows.encode(REPLY, Batch(0, 5, ()), [("a", 1), ("b", 2)])
    assert reply.encoded is not None
    assert isinstance(reply.encoded.payload, EncodedRows)
    assert reply.encoded.payload.data == b'{"_n":5,"a":1}\n{"_n":6,"a":2}\n'
    assert (reply.values, len(reply.positions), reply.encoded.weight) == ((), 2, 30)
    rows.close()


async def test_a_reply_with_errors_or_without_rows_stays_as_it_is() -> None:
    """Only whole answers are encoded; what cannot be encoded fails where the run itself encodes it."""

    class Broken:
        def encode(self, result: object) -> tuple[object, int]:
            raise StoppedError("cannot")

    rows = PartRows(PartDefinition(READ, ENCODER), ".")
    failed = replace(REPLY, errors=(SetError(0, None, "no"),))
    assert await rows.encode(failed, Batch(0, 1, ()), [(), ()]) is failed
    empty = Reply((Column("a"),), [[]], [])
    assert await rows.encode(empty, Batch(0, 1, ()), [()]) is empty
    assert await PartRows(PartDefinition(READ, None), ".").encode(REPLY, Batch(0, 1, ()), [(), ()]) is REPLY
    assert await PartRows(PartDefinition(READ, Broken()), ".").encode(REPLY, Batch(0, 1, ()), [(), ()]) is REPLY


async def test_many_rows_are_encoded_beside_the_loop() -> None:
    """The worker answers pings meanwhile."""
    threads: list[threading.Thread] = []

    class Noting:
        def encode(self, result: BatchResult) -> tuple[object, int]:
            threads.append(threading.current_thread())
            return b"x", result.rows

    rows = PartRows(PartDefinition(READ, Noting()), ".")
    for count in (1, MANY_VALUES):
        reply = await rows.encode(Reply((Column("a"),), [range(count)], range(count)), Batch(0, 1, ()), [()])
        assert reply.encoded is not None
        assert (reply.encoded.payload, reply.encoded.weight) == (b"x", count)
    assert [one is threading.main_thread() for one in threads] == [True, False]


@pytest.mark.parametrize("encoder", [ENCODER, None])
async def test_rows_go_through_the_function_first(encoder: RowEncoder | None, tmp_path: Path) -> None:
    """An exception is the failure of its set. Without an encoder the values come back, mapped."""
    (tmp_path / "doubled.py").write_text("def f(rows):\n    return [{'b': r['a'] * 2 // (r['a'] - 1)} for r in rows]\n")
    rows = PartRows(PartDefinition(READ, encoder, "doubled:f", 30), str(tmp_path))
    await rows.open()
    try:
        reply = await rows.encode(REPLY, Batch(0, 1, ()), [("a",), ("b",)])
    finally:
        rows.close()
    assert reply.encoded is not None
    assert [error.position for error in reply.encoded.errors] == [0]
    assert reply.encoded.complete is (encoder is not None)
    assert len(reply.positions) == 1
    if encoder is None:
        assert reply.values == [[4]]
