"""`bulkq check`.

selection, git_changes       which checks
open_check                   request, targets, throttle
connect_and_plan, check_parameter_values    what targets are asked before
run_checks                   the steps, with those of the lifecycle
sink, evaluate, find_differing_rows, build_results    the answer of a check -> its result; the verdict itself is in `bulkq.checks`
result_book, read_history    results so far, by check; those of earlier runs
"""
