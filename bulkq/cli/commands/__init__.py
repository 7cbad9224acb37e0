"""One module for each command, which holds it as `command`. This table lists them without importing them."""

from __future__ import annotations

COMMANDS = {
    "demo": ("bulkq.cli.commands.demo", "Try bulkq in a new folder: data, queries, a run, a report."),
    "run": ("bulkq.cli.commands.run", "Run queries for each parameter set."),
    "backfill": ("bulkq.cli.commands.backfill", "Change or delete the rows of a table by ranges of its key."),
    "maintain": ("bulkq.cli.commands.maintain", "Vacuum, analyze, reindex and others, object by object."),
    "undo": ("bulkq.cli.commands.undo", "Give the rows that a backfill changed their old values back."),
    "check": ("bulkq.cli.commands.check", "Run data checks: read-only, with a verdict for each check."),
    "diag": ("bulkq.cli.commands.diag", "Ask ready questions: locks, bloat, indexes, replication."),
    "resume": ("bulkq.cli.commands.resume", "Continue a run that was stopped or killed."),
    "retry": ("bulkq.cli.commands.retry", "Run the failed parameter sets of a run again, as a new run."),
    "ctl": ("bulkq.cli.commands.ctl", "Steer a live run: pause, resume, drain, stop, set."),
    "list": ("bulkq.cli.commands.list", "List the queries of files: names, parameters, modes."),
    "lint": ("bulkq.cli.commands.lint", "Check query files; with --prepare, also on the server."),
    "plan": ("bulkq.cli.commands.plan", "Show what a command would do, without executing a query."),
    "runs": ("bulkq.cli.commands.runs", "List the runs of the ledger, or show one."),
    "report": ("bulkq.cli.commands.report", "Write a report of a recorded run."),
    "doctor": ("bulkq.cli.commands.doctor", "Show what a target is and what it permits."),
    "targets": ("bulkq.cli.commands.targets", "List the targets of bulkq.toml, or connect to each."),
    "ledger": ("bulkq.cli.commands.ledger", "Upgrade or check the ledger, or remove a run from it."),
    "config": ("bulkq.cli.commands.config", "Show the value of each option and where it comes from."),
    "completion": ("bulkq.cli.commands.completion", "Print a completion script for bash, zsh or fish."),
}
"""Name, module with the object `command`, and one line of help; in the order of `bulkq --help`."""
