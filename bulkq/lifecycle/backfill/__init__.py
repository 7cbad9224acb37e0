"""A table that is changed in ranges of its key: what it is, where its ranges end, what was done.

In the order of a run:

validate_request       what contradicts, also from Python (the rest is refused in `cli.options`); the statement of `--set` and `--delete`
prepare                what the target is asked before: `describe_table`, `same_table` for a resume, `explain`, `count_rows`,
                       `key_moves` for triggers
begin                  the table of ranges in the target
cutter                 where the next range ends; `patient_cutter` waits for a server that is away
range_batches          the statement and the values of a range, and the row that records its ends
execute, table_watch   the ranges, and what other sessions do meanwhile
table_backfill_state   what changes of a table's backfill while it runs
verify                 what is left

Beside it:

capture, row_image_queries, undo        the rows as they were, and back
prepare_transform, transform_queries    a Python function over rows
rehearse, example_ranges                ranges that are rolled back; where in the key they are: a sample of the table
plan_file                               a plan that is carried out later
"""
