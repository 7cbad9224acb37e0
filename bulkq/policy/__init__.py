"""Decisions without I/O, clock or randomness: those are arguments."""
