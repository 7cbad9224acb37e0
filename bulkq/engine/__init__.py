"""The loop: lanes that execute the batches of a run, and how results leave it.

runner, run_context                     all targets of a run: begin, stop, end, the timer that keeps deadlines; what their lanes share
target_lanes, lane_starts               the lanes of a target: cut, take a slot, execute, deliver; when another one begins
auto_lanes                              how many lanes each target has with `-j auto`
lane                                    one batch: attempts, retries, the culprit; `failure_records`: the words, `look_at_target`: a stop
batch_segments, batch_outcome           the sets that are left of a batch, and its result
plan_attempt, commit_guard              the statements of an attempt, and what may forbid its COMMIT (`affected_guard`)
range_transform                         a range of a backfill with `--map`: read, compute, apply
same_row_write_order                    writes of one row in the order of the input
part_state                              what changes of a part while it works
pool, slots                             connections, and permission to use them: one for each processor if the database is in the process
throttle_gate, throttle_gates_by_target, pause    why a lane waits
live_run, live_settings, stop_control   what changes or ends a run from outside
bottlenecks, timeline_log               why a run is not faster; its samples over time
delivery                                results to their outputs
executors                               where batches are executed
"""
