"""Maintenance of objects: list and choose them, execute the command for each, find out what came of it.

In the order of a run:

all_databases             one target for each database of a server
prepare, target_objects   rights, and the objects that are chosen; `leftover_indexes` of earlier rebuilds
begin                     the objects in the ledger
started_record            an object is on record before its command is sent
execute_object_command    one object; `object_group` for several small ones, `gone_objects`, `object_sizes` before and after
ask_despite_stop          what came of a command counts, also if the run is stopped just then
execute                   all of them; at the end, whether each that counts as done has moved; the sum
settle_unknown            on resume: what a process that died has done
recorded_results          what became of each, for reports
"""
