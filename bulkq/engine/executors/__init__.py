"""Where batches are executed."""
