"""Arrow and Parquet: the only room that imports pyarrow, and only when a file, a sink or `Database.arrow` needs it.

library             pyarrow itself, or one line that says how to install it
types               the form of a column as an Arrow type
arrays              values and texts of a database as Arrow arrays
infer               columns without a declared type
batches             result rows as record batches
one_schema_batches  the same with one schema for a whole result
copy_csv            the CSV of COPY as record batches
partial_messages    the messages of a partial
convert             a partial as a finished file
convert_in_thread   the same, while the partial grows
complete_file       what is in a file
reader              its rows
parameters          its columns as values of parameters
"""
