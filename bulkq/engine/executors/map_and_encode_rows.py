"""The rows of a part in a worker: through the function of `--map`, then encoded for the output."""

from __future__ import annotations

import asyncio
import multiprocessing
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from bulkq.model import BatchResult, EncodedReply
from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import Batch, ParameterSet, PartSpec, Reply, SetError
    from bulkq.transforms import Mapping


MANY_VALUES = 100_000
"""Values whose encoding takes tens of milliseconds."""


class PortableEncoder(Protocol):
    """The part of a sink that turns rows into a payload. It can be pickled."""

    def encode(self, result: BatchResult) -> tuple[object, int]:
        """See `bulkq.protocols.Sink.encode`."""


@frozen
class PartDefinition:
    """How a worker treats the rows of a part.

    Attributes:
        spec: of the part.
        encoder: of its sink; None: the values are returned as they are.
        map: the function of `--map`, `MODULE:FUNCTION`; "" for none.
        map_timeout_s: of its calls; None for no limit.
        processes: in which a worker runs the function, at most.
    """

    spec: PartSpec
    encoder: PortableEncoder | None
    map: str = ""
    map_timeout_s: float | None = None
    processes: int = 1


class PartRows:
    """Maps and encodes the rows of a part in this process.

    Args:
        definition: of the part.
        folder: where the module of `--map` is looked for first.
    """

    def __init__(self, definition: PartDefinition, folder: str) -> None:
        self._definition = definition
        self._folder = folder
        self._mapping: Mapping | None = None

    async def open(self) -> None:
        """Import the function of `--map` in a process of its own.

        Raises:
            UsageError: it cannot be imported.
        """
        wanted = self._definition
        if not wanted.map:
            return
        from bulkq.transforms import Mapping, open_processes

        # A nanny of Dask starts its worker as a daemon, which `multiprocessing` does not let have children. Those of `--map` end
        # when their parent ends, which is the reason for that rule.
        multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined] # noqa: SLF001
        processes = await open_processes(wanted.map, concurrency=wanted.processes, folder=self._folder)
        self._mapping = Mapping(wanted.map, processes, wanted.map_timeout_s)

    async def map(self, result: BatchResult) -> tuple[BatchResult, tuple[SetError, ...]]:
        """Apply the function to rows that the run has fetched as values."""
        return (result, ()) if self._mapping is None else await self._mapping(result)

    async def encode(self, reply: Reply, batch: Batch, sets: Sequence[ParameterSet]) -> Reply:
        """Return `reply` with its rows mapped and encoded; with its values if only the run itself can say what is wrong.

        Args:
            reply: to all sets of a batch.
            batch: without its sets.
            sets: those of the batch.
        """
        spec, encoder = self._definition.spec, self._definition.encoder
        if reply.errors or not reply.values or not reply.positions:
            return reply
        result = BatchResult(
            replace(batch, sets=sets), spec.query, spec.target, reply.columns, reply.values, reply.positions, ok=0
        )
        result, errors = await self.map(result)
        if encoder is None:
            return reply if self._mapping is None else _mapped(reply, result, errors)
        try:
            payload, weight = await _encoded(encoder, result)
        except Exception:  # noqa: BLE001 - the run encodes again, and reports it where it always does
            return reply if self._mapping is None else _mapped(reply, result, errors)
        return replace(
            reply,
            columns=result.columns,
            values=(),
            positions=range(result.rows),
            encoded=EncodedReply(payload, weight, errors, True),
        )

    def close(self) -> None:
        """End the processes."""
        if self._mapping is not None:
            self._mapping.close()


async def _encoded(encoder: PortableEncoder, result: BatchResult) -> tuple[object, int]:
    """Encode rows; many of them in a thread, so that the run still gets the worker's signs of life."""
    if not result.rows or not result.values:
        return None, 0
    if result.rows * len(result.values) < MANY_VALUES:
        return encoder.encode(result)
    return await asyncio.to_thread(encoder.encode, result)


def _mapped(reply: Reply, result: BatchResult, errors: tuple[SetError, ...]) -> Reply:
    """The values that the function gave, which the run is to encode."""
    return replace(
        reply,
        columns=result.columns,
        values=result.values,
        positions=result.positions,
        encoded=EncodedReply(None, 0, errors, False),
    )
