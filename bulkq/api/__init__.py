"""The Python API: `bulkq.open` gives a `Database`, whose runs are the same as the command line's.

open_database    `bulkq.open`, and `bulkq.load` for the queries of a file
database         its methods; their arguments are checked in `bulkq.lifecycle.check_api_arguments`
backfill         `Database.backfill`
rows             the rows of a run, as they arrive
stop_runs        wait for a run, and stop it when the caller is cancelled
raise_errors     what a run raises, with advice for Python
"""
