"""Where results go: table, CSV, TSV, JSON, JSON Lines, nowhere, or to the caller's iteration.

open           from the options to sinks
text_sink      the sink of every text format (csv_tsv, json_rows), over files or streams
table, table_sections    for people
columnar_sink, columnar_file, copy_csv_to_columnar    Parquet and Arrow files
discard_rows   `--format none`
extra_columns  the columns of --include
failures_file  --failures
file_output    a file that gets its name at the end
open_partial   FILE.partial, which a resumed run goes on with
stream_output  stdout and other outputs that are read while they are written
paths          names: places, retries, two options for one file
row_queue      the Python API's
"""

from __future__ import annotations

from bulkq.sinks.failures_file import FailureFile
from bulkq.sinks.open import FORMATS, open_sink, open_sinks
from bulkq.sinks.paths import retry_path, same_file
from bulkq.sinks.row_queue import RowsSink
from bulkq.sinks.stream_output import silence_stdout

__all__ = ["FORMATS", "FailureFile", "RowsSink", "open_sink", "open_sinks", "retry_path", "same_file", "silence_stdout"]
