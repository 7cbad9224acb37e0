"""Decisions without I/O, clock or randomness: those are arguments.

What a run may do, and when it ends:

safety, requirements                                refusals before the first statement
retry, server_error_advice                          a failed attempt: its outcome, whether it is repeated, the advice
stop_rules, exit_codes                              the end of a run: its exit code, and the word for it, also of a recorded run
next_step                                           the command that a user is advised to type after a recorded run
check_attempt_step_rows, rows_changed_between_reads what the answers of statements beside the user's mean

How much, and how fast:

batch_size, batch_form, in_process_batch_form       batches of reads
range_size, key_choice, remaining_key_ranges        ranges of a backfill
auto_concurrency, useful_lanes, lane_allowance      lanes: `-j auto`; whether one more helps, and the most; fewer near a throttle's limit
pace, gentle_pace, time_window                      `--max-rate`, `--nice`, `--window`
query_limits                                        option, `@key` or default

What an option says:

throttle_expressions, object_selection, object_name_patterns, parse_executor     with the units of their own
object_order                                        the order of `bulkq maintain`
changeable_settings, control_request                what `bulkq ctl` may change and ask

What is shown of a run:

progress, row_progress, read_status                 counters, and the status that is made of them
recent_rate, backfill_eta, rehearsal_forecast       rates and times left
signal_history, throttle_waits, timeline_samples    signals, waits and rates over time
run_group, worker_counts                            sums over runs and workers
choose_table_notices, mask_values                   which notices; no secret values
merged_number_ranges, undo_name                     numbers of sets that are done; the name of an undo
"""
