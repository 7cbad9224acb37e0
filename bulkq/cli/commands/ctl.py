"""`bulkq ctl`: steer a live run, or ask what it does."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import click

from bulkq.cli.help import DocumentedCommand
from bulkq.cli.messages import Messages
from bulkq.cli.options.option import option, together
from bulkq.cli.options.output import DEBUG, LOG_FORMAT
from bulkq.cli.options.safety import LEDGER, warn_of_password
from bulkq.cli.options.types import ControlText, Text
from bulkq.errors import UsageError
from bulkq.policy.control_request import COMMANDS, FIELDS, ControlRequest, parse_for, unknown_command
from bulkq.text.message_parts import suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bulkq.tasks.steer import ControlAnswer


@click.command(
    "ctl",
    cls=DocumentedCommand,
    short_help="Steer a live run: pause, resume, drain, stop, set.",
    examples=(
        ("show what the only live run does", "bulkq ctl status"),
        ("pause a run for half an hour", "bulkq ctl 01kb4x pause --for 30m"),
        ("slow a run down until the morning", "bulkq ctl 01kb4x set concurrency=2 rate=500/s --for 8h"),
        ("see why a run is not faster", "bulkq ctl 01kb4x why"),
        ("end a run so that it can be resumed", "bulkq ctl 01kb4x drain"),
    ),
)
@click.argument("words", nargs=-1, type=ControlText(), metavar="[RUN] [COMMAND] [KEY=VALUE]...")
@together(
    option(
        "--for",
        "duration",
        type=Text(),
        envvar=None,
        metavar="TIME",
        help="Time after which a pause or a change of settings is taken back. Default: it stays.",
    ),
    option("--json", "as_json", is_flag=True, envvar=None, help="Print the answer of the run as one JSON object."),
    LEDGER,
    LOG_FORMAT,
    DEBUG,
)
def command(
    words: tuple[str, ...], duration: str | None, as_json: bool, ledger: str, log_format: str, **_: object
) -> int:
    """Steer a live run, or ask what it does. Without RUN, the only live run is meant.

    status, the default, shows what the run does and how far it is; why shows what keeps it from being faster. pause starts no
    further batch and closes the connections, resume goes on. drain ends the run when the running batches have ended; stop cancels
    them. Both leave a run that bulkq resume continues.

    set changes settings: concurrency, rate, nice, batch and throttle.NAME, the limit of a throttle; of a backfill target-time,
    min-rows and max-rows. All of them are changed, or none. get shows them.

    A run on another host is reached through its ledger in PostgreSQL.
    """
    messages = Messages(as_json=log_format == "json")
    warn_of_password(ledger, messages)
    run, request = parse_words(words, duration)
    from bulkq.tasks.steer import steer

    try:
        answer = asyncio.run(steer(run, request, ledger))
    except UsageError as error:
        if (
            run is not None and len(words) == 1 and str(error).startswith("no run ")
        ):  # the word may be meant as a command
            if suggestion(words[0], COMMANDS):
                raise UsageError(f"{unknown_command(words[0])}; there is no such run either") from None
            raise UsageError(f"{error}; commands are {', '.join(COMMANDS)}") from None
        raise
    if as_json:
        click.echo(json.dumps({**answer.fields, "run": answer.run}, ensure_ascii=False))
    else:
        click.echo("\n".join(_lines(answer)))
    return 0


def parse_words(words: Sequence[str], duration: str | None) -> tuple[str | None, ControlRequest]:
    """Return the run, None if it is not named, and the request.

    Raises:
        UsageError: a word is not valid at its place.
    """
    run = None if not words or words[0] in COMMANDS else words[0]
    rest = list(words if run is None else words[1:])
    name = rest.pop(0) if rest else "status"
    if name not in COMMANDS:
        raise UsageError(
            unknown_command(run if "=" in name else name)
        )  # of `sett rate=5/s` the word before the settings
    if duration is not None and "for" not in FIELDS.get(name, ()):
        raise UsageError(f"--for {duration}: only pause and set can be taken back: leave it out")
    try:
        for_s = parse_for(duration)
    except UsageError as error:
        raise UsageError(f"--{error}") from None
    if name == "set":
        return run, ControlRequest(command=name, settings=tuple(rest), for_s=for_s)
    if len(rest) > (name == "get"):
        raise UsageError(f'{name}: unexpected word "{rest[-1]}": leave it out')
    return run, ControlRequest(command=name, key=rest[0] if rest else "", for_s=for_s)


def _lines(answer: ControlAnswer) -> Iterable[str]:
    """The answer for people."""
    from bulkq.cli.display.status_text import status_lines
    from bulkq.model.run_status import parse_status

    fields = answer.fields
    if answer.ended:
        return [f"run {answer.run}: {answer.ended}"]
    if "status" in fields:
        return status_lines(parse_status(fields["status"]))
    if "settings" in fields:
        return [f"{key}={value}" for key, value in fields["settings"].items()]
    if "reasons" in fields:
        return list(fields["reasons"])
    return [f"run {answer.run}: {fields['text']}"]
