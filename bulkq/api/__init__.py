"""The Python API: `bulkq.open` gives a `Database`, whose runs are the same as the command line's."""
