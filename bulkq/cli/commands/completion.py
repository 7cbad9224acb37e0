"""`bulkq completion bash|zsh|fish`: print a completion script."""

from __future__ import annotations

import click

from bulkq.cli.completion.shells import SHELLS
from bulkq.cli.help import DocumentedCommand
from bulkq.cli.options.option import together
from bulkq.cli.options.output import DEBUG
from bulkq.cli.options.types import Words

INSTRUCTIONS = (
    ("bash, in ~/.bashrc", 'eval "$(bulkq completion bash)"'),
    ("zsh, in ~/.zshrc after compinit", 'eval "$(bulkq completion zsh)"'),
    ("fish, once", "bulkq completion fish > ~/.config/fish/completions/bulkq.fish"),
)


@click.command(
    "completion",
    cls=DocumentedCommand,
    short_help="Print a completion script for bash, zsh or fish.",
    examples=INSTRUCTIONS,
)
@click.argument("shell", type=Words(*SHELLS), metavar="bash|zsh|fish")
@together(DEBUG)
def command(shell: str, **_: object) -> int:
    """Print a completion script for a shell.

    The script completes commands, options, their values and paths. It also completes query names after FILE:, target and
    group names of bulkq.toml, and the ids of the newest runs.
    """
    click.echo(SHELLS[shell](click.Command("bulkq"), {}, "bulkq", "").source(), nl=False)
    return 0
