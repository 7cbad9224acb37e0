"""`bulkq plan`: one module for each command; prepare_statements is what they share. Texts and exit codes are in `bulkq.cli`."""
