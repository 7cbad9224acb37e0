"""The loop: lanes that execute the batches of a run, and how results leave it."""
