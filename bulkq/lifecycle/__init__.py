"""What every run goes through: open, preflight, record, and going on after a stop."""
