"""SQLite through Python's own library: aiosqlite, and threads where it is not installed.

driver, url_options, file_access    URL -> file; `page_cache` for its memory
aiosqlite, pysqlite                 two kinds of thread
connection                          one session on the loop
blocking_session                    the same session inside its thread; `batch_statement`: one statement for several sets
transaction                         locks, deadline, BEGIN to COMMIT; `insert_marker` in it
result_columns                      what the columns of a result are called
bind_parameters                     which values SQLite stores, and how
authorizer                          what a read may not do
error_place_and_advice              what its messages mean
"""
