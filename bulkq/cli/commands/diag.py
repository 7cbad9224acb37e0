"""`bulkq diag list|run|all|eject`: ready questions about a database."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from bulkq.cli.display.diag_question_list import question_lines, question_records
from bulkq.cli.display.metrics_file import metrics_path
from bulkq.cli.execute_task import carry_out, files_of, wanted_reports
from bulkq.cli.help import DocumentedCommand, DocumentedGroup
from bulkq.cli.messages import Messages
from bulkq.cli.options import build_diag, build_run, diag_options
from bulkq.cli.options.build_run import WORST_FIRST, named, some_targets, warn_of_password
from bulkq.cli.options.config_defaults import config_of
from bulkq.cli.options.diag_options import START, SUBJECT, DiagOptions
from bulkq.cli.options.option import options_of, together, typed
from bulkq.cli.options.output import DEBUG, FORM, LOG_FORMAT
from bulkq.cli.options.safety import warn_of_password as warn_of_ledger
from bulkq.cli.options.targets import TARGET
from bulkq.cli.options.types import PathText, QuestionText
from bulkq.errors import BulkqError, UsageError
from bulkq.text.urls import hide_passwords

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulkq.model import Query, Target
    from bulkq.tasks.diag.questions import Question


@click.group(
    "diag",
    cls=DocumentedGroup,
    argument_form="run {}",
    short_help="Ask ready questions: locks, bloat, indexes, replication.",
    examples=(
        ("list the questions, and which of them a target cannot answer", "bulkq diag list -t prod"),
        ("see who blocks whom", "bulkq diag run blocking -t prod"),
        (
            "ask everything on a group, with a verdict for each",
            "bulkq diag all -t fleet --as check --report html:diag.html",
        ),
        ("copy a question to change it", "bulkq diag eject table_bloat --to sql/"),
    ),
)
def command() -> None:
    """Ask ready questions about a database. Nothing is changed, and no question takes a lock that others wait for.

    A question that a target cannot answer (version, rights, extensions) is skipped there with the reason.
    """


@command.command(
    "run",
    cls=DocumentedCommand,
    start=START,
    short_help="Ask some questions.",
    examples=(
        ("see who blocks whom", "bulkq diag run blocking -t prod"),
        ("ask all questions about vacuum", "bulkq diag run 'vacuum*' -t prod -t staging"),
        ("change a threshold", "bulkq diag run table_bloat -t prod --param percent=20"),
        ("a question of your own", "bulkq diag run sql/blocking.sql -t prod -o blocking.csv"),
    ),
)
@diag_options.NAMES
@diag_options.diag_options
@click.pass_context
def run(ctx: click.Context, /, **options: Unpack[DiagOptions]) -> int:
    """Ask questions by name, by pattern, or from a file, on each target.

    On a terminal each question is a table; elsewhere the rows are JSON Lines with the name of the question. With several
    targets a column names the target. If every question is skipped, the exit code is 3.
    """
    from bulkq.tasks.diag.questions import select_queries

    if not options["names"]:
        raise UsageError(
            "no question: name one, for example bulkq diag run blocking -t prod (bulkq diag list shows them)"
        )
    targets = some_targets(options["target"], ctx)
    return _ask(options, ctx, select_queries(options["names"], _dialects(targets)), targets)


@command.command(
    "all",
    cls=DocumentedCommand,
    start=START,
    short_help="Ask all questions, or those with a tag.",
    examples=(
        (
            "ask everything, one file for each question and target",
            "bulkq diag all -t fleet -o 'out/{target}/{query}.csv'",
        ),
        ("a verdict for each question", "bulkq diag all -t prod --as check --report junit:diag.xml"),
        ("only what is about indexes", "bulkq diag all -t prod --tag indexes"),
    ),
)
@SUBJECT
@diag_options.diag_options
@click.pass_context
def every(ctx: click.Context, /, **options: Unpack[DiagOptions]) -> int:
    """Ask all questions that there are for the database of each target.

    The results are those of bulkq diag run.
    """
    from bulkq.tasks.diag.questions import select_all

    targets = some_targets(options["target"], ctx)
    return _ask(options, ctx, select_all(_dialects(targets), options["tag"]), targets)


@command.command(
    "list",
    cls=DocumentedCommand,
    short_help="List the questions by subject.",
    examples=(("list the questions, and which of them a target cannot answer", "bulkq diag list -t prod"),),
)
@together(TARGET, FORM, LOG_FORMAT, DEBUG)
@click.pass_context
def listing(ctx: click.Context, /, target: tuple[str, ...], form: str, log_format: str, **_: object) -> int:
    """List the questions by subject, each with what it requires.

    With -t, bulkq lists those for the database of each target, connects, and shows which of them would be skipped and why.
    """
    from bulkq.tasks.diag.answerable_questions import inspect_targets
    from bulkq.tasks.diag.questions import databases, load_questions

    targets = some_targets(target, ctx) if target else ()
    messages = Messages(as_json=log_format == "json")
    warn_of_password(target, ctx, messages)
    folders = databases(_dialects(targets) if targets else None)
    found = [question for folder in folders for question in load_questions(folder)]
    asked = asyncio.run(inspect_targets(targets, found))
    names = [one.name or hide_passwords(one.url) for one in targets]
    skips = {name: one for name, one in zip(names, asked, strict=True) if not isinstance(one, BulkqError)}
    _print(found, skips, form)
    failed = [(one, error) for one, error in zip(targets, asked, strict=True) if isinstance(error, BulkqError)]
    for one, error in failed:
        messages.say("error", str(named(error, one)))
    codes = {error.exit_code for _, error in failed}
    return next((code for code in WORST_FIRST if code in codes), 0)


def _print(found: Sequence[Question], skips: dict[str, dict[str, str]], form: str) -> None:
    if form == "json":
        import json

        click.echo(json.dumps(question_records(found, skips), ensure_ascii=False, indent=2))
    else:
        click.echo("\n".join(question_lines(found, skips)))


FOLDER = options_of("")(
    "--to",
    type=PathText(),
    default="diagnostics",
    show_default=True,
    envvar=None,
    metavar="FOLDER",
    help="Folder for the files. bulkq creates it if it is missing.",
)
EJECTED = click.argument("names", nargs=-1, required=True, type=QuestionText(), metavar="NAME...")


@command.command(
    "eject",
    cls=DocumentedCommand,
    short_help="Copy questions into a folder, to change them.",
    examples=(("copy a question to change it", "bulkq diag eject table_bloat --to sql/ -t prod"),),
)
@together(EJECTED, FOLDER, TARGET, LOG_FORMAT, DEBUG)
@click.pass_context
def eject(ctx: click.Context, /, names: tuple[str, ...], to: str, target: tuple[str, ...], **_: object) -> int:
    """Copy the files of questions into a folder. An existing file is never replaced (exit code 4).

    If several databases have a question of that name, -t chooses the database; bulkq does not connect. Run the file with
    bulkq diag run, bulkq run or bulkq check.
    """
    from bulkq.tasks.diag.questions import eject as write_files

    dialects = _dialects(some_targets(target, ctx)) if target else None
    for path in write_files(names, Path(to), dialects):
        click.echo(str(path))
    return 0


def _dialects(targets: Sequence[Target]) -> list[str]:
    return list(dict.fromkeys(build_run.dialect(one.url) for one in targets))


def _ask(options: DiagOptions, ctx: click.Context, queries: tuple[Query, ...], targets: tuple[Target, ...]) -> int:
    messages = Messages(as_json=options["log_format"] == "json")
    metrics = metrics_path(options["metrics"])
    warn_of_password(options["target"], ctx, messages)
    build_diag.check_options(options, ctx)
    stdin = sys.stdin.buffer if sys.stdin is not None else None
    ledger = None
    if options["as_"] == "check":
        from bulkq.tasks.check.run_checks import check

        warn_of_ledger(options["ledger"], messages)
        reports = wanted_reports(options["report"], rows=None)
        task = partial(
            check, build_diag.build_checks(options, ctx, queries, targets), config=config_of(ctx), stdin=stdin
        )
        ledger = options["ledger"] if typed(ctx, "ledger") else None
        return carry_out(
            task, progress=options["progress"], reports=reports, messages=messages, ledger=ledger, metrics=metrics
        )
    from bulkq.tasks.run import run as run_queries

    request = build_diag.build_rows(options, ctx, queries, targets)
    on_stdout = request.output.path in {None, "-"} and request.output.format != "none"
    reports = wanted_reports(options["report"], rows=", or the rows with -o FILE" if on_stdout else None)
    if sys.stdout is None and on_stdout:
        raise UsageError("stdout is closed: write with -o FILE")
    request = replace(request, output=replace(request.output, reports=files_of(reports, metrics)))
    rows = partial(run_queries, request, config=config_of(ctx), stdin=stdin)
    return carry_out(
        rows, progress=options["progress"], reports=reports, messages=messages, ledger=None, metrics=metrics
    )
