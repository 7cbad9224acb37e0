"""CPU-bound work outside the event loop: Python functions over result rows, in processes of their own.

mapper         `--map`: the rows of a batch there and back
process_pool   a few processes, each of which can be killed by itself
child          what runs in them
"""

from __future__ import annotations

from bulkq.transforms.mapper import Mapping, open_mapping

__all__ = ["Mapping", "open_mapping"]
