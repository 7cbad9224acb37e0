"""The loop: lanes that execute the batches of a run, and how results leave it.

runner                                  all targets of a run: begin, stop, end
target_lanes, auto_lanes                the lanes of a target: cut, take a slot, execute, deliver; how many there are
lane                                    one batch: attempts, retries, the culprit
batch_segments, batch_outcome           the sets that are left of a batch, and its result
plan_attempt, commit_guard              the statements of an attempt, and what may forbid its COMMIT
pool, slots                             connections and permission to use them
throttle_gate, pause                    why a lane waits
live_run, live_settings, stop_control   what changes or ends a run from outside
delivery                                results to their outputs
executors                               where batches are executed
"""
