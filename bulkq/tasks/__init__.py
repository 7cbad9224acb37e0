"""The tasks of the commands, composed of the rooms below: one module or folder for each command.

run, check, backfill, maintain    a new run
resume, retry, undo               a run that follows another
plan, rehearse, server_lint       what would be
list_runs, report, live_status, steer, forget    runs that are recorded or live
diag, doctor, ping, demo          others
"""
