"""`bulkq list`: print the queries of files. Connects to no database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bulkq.cli.help import DocumentedCommand
from bulkq.cli.messages import Messages
from bulkq.cli.options.build_run import dialect, some_targets
from bulkq.cli.options.option import together
from bulkq.cli.options.output import DEBUG, FORM, LOG_FORMAT
from bulkq.cli.options.queries import PATHS
from bulkq.cli.options.targets import TARGET
from bulkq.errors import UsageError
from bulkq.lifecycle.query_files import lines_of, load_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import Parameter, Query


@click.command(
    "list",
    cls=DocumentedCommand,
    short_help="List the queries of files: names, parameters, modes.",
    examples=(
        ("list the queries of a folder", "bulkq list sql/"),
        ("list them for a program", "bulkq list users.sql --format json"),
    ),
)
@together(
    PATHS,
    TARGET,
    FORM,
    LOG_FORMAT,
    DEBUG,
)
@click.pass_context
def command(
    ctx: click.Context, /, paths: tuple[str, ...], target: tuple[str, ...], form: str, log_format: str, **_: object
) -> int:
    """List the queries of files and folders: names, parameters, modes and descriptions.

    With -t, the files are read in the SQL dialect of that target. bulkq does not connect to it.
    """
    if not paths:
        raise UsageError("no path: name a query file or a folder, for example bulkq list sql/")
    queries, errors = load_all(paths, dialect(some_targets(target, ctx)[0].url if target else None))
    for line in [_json(queries)] if form == "json" else (line for query in queries for line in _text(query)):
        click.echo(line)
    messages = Messages(as_json=log_format == "json")
    for line in lines_of(errors) if errors else ():
        messages.error(line)
    return UsageError.exit_code if errors else 0


def _text(query: Query) -> list[str]:
    parameters = ", ".join(_parameter(parameter) for parameter in query.parameters)
    first = f"{query.file}:{query.line}  {query.name}({parameters})  {query.mode or query.statement}"
    return [first, *(f"    {line}" for line in query.description.splitlines())]


def _parameter(parameter: Parameter) -> str:
    kind = {"list": "*", "identifier": "{}"}.get(parameter.kind, "")
    typed = f": {parameter.type}" if parameter.type else ""
    default = f" = {parameter.default}" if parameter.has_default else ""
    return f"{parameter.name}{kind}{typed}{default}"


def _json(queries: Sequence[Query]) -> str:
    import json

    return json.dumps([_record(query) for query in queries], ensure_ascii=False, indent=2)


def _record(query: Query) -> dict[str, object]:
    return {
        "name": query.name,
        "file": query.file,
        "line": query.line,
        "mode": query.mode,
        "statement": query.statement,
        "verb": query.verb,
        "description": query.description,
        "tags": list(query.tags),
        "parameters": [
            {
                "name": parameter.name,
                "kind": parameter.kind,
                "type": parameter.type,
                "default": parameter.default if parameter.has_default else None,
                "required": not parameter.has_default,
                "secret": parameter.secret,
            }
            for parameter in query.parameters
        ],
    }
