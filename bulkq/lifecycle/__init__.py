"""The steps of every run, in this order: open, preflight, record, execute, finish; and how a stopped run continues."""
