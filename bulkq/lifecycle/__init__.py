"""The steps of every run, in this order: open, preflight, record, execute, finish; and how a stopped run continues.

command_steps    a command as a job, and the order of its steps
open_run         open: queries, targets, sources, sinks (`open_targets`, `part_sources`, `open_executor`); nothing is sent
preflight        what each target is asked before the first statement
record           the run in the ledger, its run row in each target
execute_run      the lanes, by the runner of the engine
finish           the counts, names of files, the end of the record
take_over_targets, resume_state    what a resume takes from earlier processes: values that a new run has too, empty
backfill, maintain    what these jobs do in the same steps
"""
