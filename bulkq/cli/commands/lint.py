"""`bulkq lint`: report problems of query files as `file:line: message`, for editors and CI."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from bulkq.cli.display.server_finding_text import finding_lines
from bulkq.cli.help import DocumentedCommand
from bulkq.cli.messages import Messages
from bulkq.cli.options.build_run import WORST_FIRST, dialect, named, some_targets, warn_of_password
from bulkq.cli.options.option import option, together
from bulkq.cli.options.output import DEBUG, LOG_FORMAT
from bulkq.cli.options.queries import PATHS
from bulkq.cli.options.targets import TARGET
from bulkq.errors import BulkqError, UsageError
from bulkq.lifecycle.query_files import lines_of, load_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import Query, Target
    from bulkq.query import LintFinding as Static
    from bulkq.tasks.server_lint import ServerFindings

FOUND = 1


@click.command(
    "lint",
    cls=DocumentedCommand,
    short_help="Check query files; with --prepare, also on the server.",
    examples=(
        ("check the query files of a folder", "bulkq lint sql/"),
        ("let a server check the queries too", "bulkq lint sql/ --prepare -t postgresql://host/database"),
    ),
)
@together(
    PATHS,
    TARGET,
    option("--prepare", is_flag=True, help="Let the server of -t prepare each query, without executing it."),
    LOG_FORMAT,
    DEBUG,
)
@click.pass_context
def command(
    ctx: click.Context, /, paths: tuple[str, ...], target: tuple[str, ...], prepare: bool, log_format: str, **_: object
) -> int:
    """Check query files and folders. bulkq prints the findings to stdout. Exit code 1: at least one finding is an error."""
    if not paths:
        raise UsageError("no path: name a query file or a folder, for example bulkq lint sql/")
    messages = Messages(as_json=log_format == "json")
    warn_of_password(target, ctx, messages)
    targets = some_targets(target, ctx) if prepare or target else ()
    url = targets[0].url if targets else None
    queries, errors = load_all(paths, dialect(url))
    from bulkq.query.lint import lint

    found = [finding for query in queries for finding in lint(query, dialect(url))]
    shown = [_static(finding) for finding in found]
    serious = sum(finding.severity == "error" for finding in found)
    codes: set[int] = set()
    for prepared in asyncio.run(_prepared(queries, targets)) if prepare else ():
        if isinstance(prepared, BulkqError):
            codes.add(prepared.exit_code)
            messages.say("error", str(prepared))
            continue
        on = f"{prepared.target}: " if len(targets) > 1 else ""
        shown += [line for one in prepared.findings for line in finding_lines(one, on)]
        more = [one for one in prepared.warnings if one not in found]
        found += more
        shown += map(_static, more)
        serious += len(prepared.findings)
        _tell(prepared, messages)
    for line in shown:
        click.echo(line)
    for line in lines_of(errors) if errors else ():
        messages.error(line)
    if errors:
        return UsageError.exit_code
    warnings = _number(len(found), "finding", "findings") if not serious else _number(serious, "error", "errors")
    messages.say("info", f"{_number(len(queries), 'query', 'queries')}, {warnings if shown else 'nothing found'}")
    return next((code for code in WORST_FIRST if code in codes), FOUND if serious else 0)


async def _prepared(queries: Sequence[Query], targets: Sequence[Target]) -> list[ServerFindings | BulkqError]:
    """Return the findings of each target, or the error of a target that cannot be reached."""
    from bulkq.tasks.server_lint import prepare

    found: list[ServerFindings | BulkqError] = []
    for target in targets:
        try:
            found.append(await prepare(queries, target))
        except BulkqError as error:
            if len(targets) == 1:
                raise
            found.append(named(error, target))
    return found


def _static(finding: Static) -> str:
    severity = "" if finding.severity == "error" else "warning: "
    return f"{finding.file}:{finding.line}: {severity}{finding.message}"


def _tell(prepared: ServerFindings, messages: Messages) -> None:
    for query, reason in prepared.skipped:
        messages.say("info", f"{query.place}: skipped: {reason}")
    messages.say("info", f"{prepared.target} prepared {_number(prepared.accepted, 'query', 'queries')}")


def _number(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
