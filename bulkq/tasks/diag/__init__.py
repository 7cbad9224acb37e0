"""`bulkq diag`: ready questions about a database, as rows or as checks."""
