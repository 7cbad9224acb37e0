"""The steps of every run, in this order: open, preflight, record, execute, finish; and how a stopped run continues.

command_steps    a command as a job, and the order of its steps
open_run         open: queries, targets, sources, sinks (`open_targets`, `part_sources`, `open_executor`); nothing is sent
query_files, expand_targets, statements_by_identifier    below it: texts, `--schemas`, names for `:{name}`
preflight        what each target is asked before the first statement; `check_requirements`, `check_parameter_values`,
                 `untyped_parameters`, `names_as_texts`, `prepare_same_row_write_order`
prepare_workers  what workers are sent before it, and what they are not to be sent
record           the run in the ledger, its run row in each target (`target_markers`), its fingerprints (`run_fingerprints`)
execute_run      the lanes, by the runner of the engine; `live_control` beside them
finish           the counts, the exit code, names of files, the end of the record
forgotten_commits    what a database has lost: compared when a lane connects again, and at the end
ask_target       a question to a target when its lanes have ended; waits for one that has gone away
request_json, restore_request, query_changes    a request in the ledger and back, compared with the files of now
take_over_targets, resume_state    what a resume takes from earlier processes: values that a new run has too, empty
settings_from_events, throttle_waits_from_events, timeline_from_events, workers_from_events    what the events of earlier processes say
unreported_failures  failures that an earlier process did not write to `--failures`
run_resources, begin_progress    what an open run holds, and its counters
database_identity    which targets are one database
hidden_rows, literal_statement    whether row level security hides rows that a statement reads; a statement with its values
check_api_arguments  the Python API's side of the options
backfill, maintain    what these jobs do in the same steps
"""
