"""What every run goes through, in this order: open, preflight, record, execute, finish; and going on after a stop."""
