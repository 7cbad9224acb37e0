"""A table that is changed in ranges of its key: what it is, where its ranges end, what was done."""
