"""Decisions without I/O, clock or randomness: those are arguments. Called by the worker, the runner and the tasks."""
