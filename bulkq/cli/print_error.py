"""Print an error as one line on stderr, and choose the exit code."""

from __future__ import annotations

import os
import re
import select
import sys

import click

from bulkq.cli.help import DocumentedGroup
from bulkq.cli.messages import Messages
from bulkq.cli.options.types import Value, Words
from bulkq.errors import BulkqError, TargetError
from bulkq.text.urls import redact_urls

COULD_NOT_TELL = 3
INTERRUPTED = 130

_OF_OTHER_PROGRAMS = {
    **dict.fromkeys(("-d", "--database", "--dbname", "--db", "--url", "--uri", "--dsn", "--connection"), "-t"),
    **dict.fromkeys(("-c", "--command", "--query"), "-e"),
    **dict.fromkeys(("--jobs", "--workers", "--threads"), "-j"),
    **dict.fromkeys(("-q", "--quiet", "--silent"), "--progress none"),
    **dict.fromkeys(("-v", "--verbose"), "--progress lines"),
}
"""By option of psql, vacuumdb, xargs and others: the option of bulkq that is probably meant."""

_PLANNED = {"run", "check", "backfill", "maintain"}
"""Commands that `bulkq plan` has."""

_TRUE = {"1", "true", "yes", "on", "t", "y"}


def report(error: BaseException, arguments: list[str]) -> int:
    """Print `error` on stderr in the way of `arguments` (`--debug`, `--log-format json`) and return the exit code."""
    messages = Messages(as_json=_setting("--log-format", "BULKQ_LOG_FORMAT", arguments) == "json")
    if isinstance(error, BrokenPipeError) and _reader_left():
        return 0  # the reader of the pipe has ended, as `| head` does
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        messages.raw([error.format_message()])
        return error.exit_code
    if "--debug" in arguments or _setting("--debug", "BULKQ_DEBUG", []).lower() in _TRUE:
        import traceback

        messages.raw([redact_urls("".join(traceback.format_exception(error)).rstrip())])
    lines, code = describe(error, arguments)
    for line in lines:
        if isinstance(error, click.UsageError):
            messages.say("error", line, bare=True)
        elif isinstance(error, TargetError):  # "127.0.0.1:5432: ..." is not a place in a file
            messages.say("error", line)
        else:
            messages.error(line)
    return code


def _reader_left() -> bool:
    """Return True if the reader of stdout has gone. A broken pipe to another process is an error."""
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)  # errors only
    except (OSError, ValueError, AttributeError):
        return False
    return bool(poll.poll(0))


def describe(error: BaseException, arguments: list[str]) -> tuple[list[str], int]:
    """Return the lines of `error`, without `bulkq: `, and the exit code."""
    if isinstance(error, BulkqError):
        return str(error).splitlines() or [type(error).__name__], error.exit_code
    if isinstance(error, click.UsageError):
        return [_usage(error, arguments)], error.exit_code
    if isinstance(error, click.ClickException):
        return [_plain(error.format_message())], error.exit_code
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return ["interrupted"], INTERRUPTED
    if isinstance(error, OSError) and error.strerror:
        where = f': "{error.filename}"' if error.filename else ""
        return [f"{error.strerror.lower()}{where}"], COULD_NOT_TELL
    text = " ".join(str(error).split())
    name = type(error).__name__
    return [f"internal error: {name}: {text} (run again with --debug, and report it)"], COULD_NOT_TELL


def _usage(error: click.UsageError, arguments: list[str]) -> str:
    """Return `bulkq run: --timeout 5: write a unit, for example 5s`."""
    return f"{error.ctx.command_path if error.ctx else 'bulkq'}: {_complaint(error, arguments)}"


def _complaint(error: click.UsageError, arguments: list[str]) -> str:
    if isinstance(error, click.NoSuchOption):
        return f'no such option "{error.option_name}"{_nearest(error.possibilities) or _advice(error)}'
    if isinstance(error, click.exceptions.NoSuchCommand):
        return f'no such command "{error.command_name}"{_nearest(error.possibilities) or _lists(error)}'
    if isinstance(error, click.MissingParameter) and error.param is not None:
        wanted = error.param.make_metavar(error.ctx) if error.ctx else error.param.human_readable_name
        kind = error.param.type
        words = f" (one of {', '.join(kind.words)})" if isinstance(kind, Words) and "|" not in wanted else ""
        return f"{wanted.strip('[].').lower()} is missing{words}{_example(error)}"
    if isinstance(error, click.BadParameter) and error.param is not None:
        message = error.message if isinstance(error.param.type, Value) else _plain(error.message)
        return f"{_as_typed(error.param, error.ctx, arguments)}{message}"
    message = _plain(error.format_message())
    if "unexpected extra argument" in message and error.ctx is not None and _lacks_target(error.ctx, arguments):
        return f"{message}: a target needs -t"
    return message


def _advice(error: click.NoSuchOption) -> str:
    """Return what to do about an option that no option of the command is like."""
    ctx = error.ctx
    if ctx is None:
        return ""
    if ctx.parent is None:
        return " (options stand after the command, as in bulkq run -t TARGET)"
    known = {name for parameter in ctx.command.params for name in parameter.opts}
    meant = _OF_OTHER_PROGRAMS.get(error.option_name, "")
    if meant.partition(" ")[0] in known:
        return f" (did you mean {meant}?)"
    if error.option_name in {"--dry-run", "--explain"} and ctx.command.name in _PLANNED and ctx.parent.parent is None:
        return f" (bulkq plan {ctx.command.name} shows what would be done)"
    return f" ({ctx.command_path} --help lists them)"


def _lists(error: click.exceptions.NoSuchCommand) -> str:
    """Return which command lists the commands of a group, and how its first argument is given there."""
    ctx = error.ctx
    path = ctx.command_path if ctx else "bulkq"
    form = ctx.command.argument_form if ctx and isinstance(ctx.command, DocumentedGroup) else ""
    meant = f"write {path} {form.format(error.command_name)}; " if form else ""
    return f" ({meant}{path} --help lists them)"


def _lacks_target(ctx: click.Context, arguments: list[str]) -> bool:
    """Return True if the command takes targets and none was typed, so that an argument may be one."""
    if not any("--target" in parameter.opts for parameter in ctx.command.params):
        return False
    return not any(a.startswith(("-t", "--target")) for a in arguments)


def _nearest(possibilities: list[str] | None) -> str:
    return f" (did you mean {possibilities[0]}?)" if possibilities else ""


def _example(error: click.UsageError) -> str:
    return f": see {error.ctx.command_path} --help" if error.ctx else ""


def _as_typed(parameter: click.Parameter, ctx: click.Context | None, arguments: list[str]) -> str:
    """Return `--timeout ` as the user typed it, or `BULKQ_TIMEOUT=`: the place where the value must be corrected."""
    if ctx is not None and parameter.name and _from_environment(parameter, ctx):
        return f"{parameter.envvar}="
    if not isinstance(parameter, click.Option):
        return ""
    names = [*parameter.opts, *parameter.secondary_opts]
    typed = [n for n in names for a in arguments if a == n or a.startswith(f"{n}=" if n.startswith("--") else n)]
    return f"{typed[0] if typed else max(names, key=len)} "


def _from_environment(parameter: click.Parameter, ctx: click.Context) -> bool:
    return ctx.get_parameter_source(parameter.name or "") is click.core.ParameterSource.ENVIRONMENT


def _plain(message: str) -> str:
    """Return a message of Click in lower case, with double quotes and without a full stop."""
    text = " ".join(message.split()).rstrip(".")
    text = re.sub(r"'([^']*)'", r'"\1"', text)
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _setting(option: str, variable: str, arguments: list[str]) -> str:
    """Return the value of an option from the arguments, the environment or a file, even if the arguments cannot be parsed."""
    for at, argument in enumerate(arguments):
        if argument == option and at + 1 < len(arguments):
            return arguments[at + 1]
        if argument.startswith(f"{option}="):
            return argument.partition("=")[2]
    return os.environ.get(variable) or _default(option.removeprefix("--"), arguments)


def _default(name: str, arguments: list[str]) -> str:
    """Return the default of an option in the configuration; "" if the configuration cannot be read."""
    if name == "config":
        return ""
    from bulkq.targets import load_config

    try:
        found = load_config(_setting("--config", "BULKQ_CONFIG", arguments) or None).defaults.get(name)
    except (BulkqError, OSError):
        return ""
    return str(found.value) if found is not None else ""
