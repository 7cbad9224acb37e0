"""Where results go: table, CSV, TSV, JSON, JSON Lines, nowhere, or to the caller's iteration.

opening    from the options to sinks
encoded    the sink of every text format (delimited, json_rows), over files or streams
include    the columns of --include
failures   --failures
files      FILE.partial, which a resumed run goes on with
paths      names: places, retries, two options for one file
rows       the Python API's
"""

from __future__ import annotations

from bulkq.sinks.failures import FailureFile
from bulkq.sinks.open import FORMATS, open_sink, open_sinks
from bulkq.sinks.paths import retry_path, same_file
from bulkq.sinks.row_queue import RowsSink
from bulkq.sinks.stream_output import silence

__all__ = ["FORMATS", "FailureFile", "RowsSink", "open_sink", "open_sinks", "retry_path", "same_file", "silence"]
