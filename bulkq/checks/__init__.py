"""Decisions of data checks, pure: verdicts and differences between rows."""
