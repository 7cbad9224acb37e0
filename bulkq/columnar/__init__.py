"""Arrow and Parquet: the only room that imports pyarrow, and only when a file, a sink or `Database.arrow` needs it.

load_pyarrow           pyarrow itself, or one line that says how to install it
arrow_types            the form of a column as an Arrow type
values_to_arrays       values and texts of a database as Arrow arrays
infer_types            columns without a declared type
rows_to_batches        result rows as record batches
one_schema_batches     the same with one schema for a whole result
copy_csv_to_batches    the CSV of COPY as record batches
partial_format         the messages that FILE.partial holds: schemas and record batches
convert_partial        FILE.partial -> the finished file
convert_growing_partial the same in a thread, while FILE.partial grows
read_output_file       what a finished file holds: for a run that continues, and for the check that nothing was lost
read_input_file        the rows of a file of parameter sets
columns_to_parameters  its columns as values of parameters
"""
