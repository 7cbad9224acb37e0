"""CPU-bound work outside the event loop: Python functions over result rows, in processes of their own.

mapper                 `--map` of a run: the rows of a batch there and back
backfill_row_function  `--map` of a backfill: parameter sets of rows
process_pool           a few processes, each of which can be killed by itself
child                  what runs in them
"""

from __future__ import annotations

from bulkq.transforms.backfill_row_function import ComputedRows, RowFunction
from bulkq.transforms.mapper import Mapping, open_mapping, open_processes
from bulkq.transforms.process_pool import ProcessPool

__all__ = ["ComputedRows", "Mapping", "ProcessPool", "RowFunction", "open_mapping", "open_processes"]
