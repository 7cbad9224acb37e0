"""`bulkq plan`."""
