"""Arrow and Parquet: the only room that imports pyarrow, and only when a file, a sink or `Database.arrow` needs it.

library          pyarrow itself, or one line that says how to install it
types            the form of a column as an Arrow type
arrays           values and texts of a database as Arrow arrays
infer            columns without a declared type
batches          result rows as record batches
stable_batches   the same with one schema for a whole result
copy_csv         the CSV of COPY as record batches
stream           the messages of a partial
convert          a partial as a finished file
growing_file     the same, while the partial grows
read             what is in a file, and what is wrong with it
reader           its rows
parameters       its columns as values of parameters
"""
