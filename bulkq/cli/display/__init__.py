"""Displays: progress of a run, plans, the history of checks."""
