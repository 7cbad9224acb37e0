"""`bulkq check`."""
