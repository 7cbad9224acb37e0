"""The name of the run that undoes another, by which it is found."""

from __future__ import annotations


def undo_name(run: str) -> str:
    """The name of an undo of the run with the id `run`."""
    return f"undo {run}"
