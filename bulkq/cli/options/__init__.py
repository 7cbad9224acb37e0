"""Options of the command line: groups, types, defaults, and the request that they build.

queries, sources, targets, limits, safety, output     the options of a section; several commands share them, with one help text
run_options, check_options, backfill_options, maintain_options, diag_options, recorded_run_options    which of them a command has
option, option_typed_dicts    how an option is made; types of the values
build_run, build_check, build_backfill, build_maintain, build_diag    values of options -> the request; options that contradict
                              one another, or are for another command; `build_run` has what several need
types                         values: durations, counts, words
config_defaults, origins      defaults of files and variables; where a value comes from
plan_file                     the options in a plan of a backfill
shard_output_paths            names of files of a shard
"""
