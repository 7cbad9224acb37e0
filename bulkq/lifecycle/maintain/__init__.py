"""Maintenance of objects: list and choose them, execute the command for each, find out what came of it."""
