#!/usr/bin/env bash
# Click 8.5.1: its completion scripts do not complete `FILE:NAME` in bash nor `--option=VALUE` in bash and fish; zsh breaks the line.
#
# bash 5.2, zsh 5.9, fish 3.6 (Debian 12) in a terminal of their own. A good guess: a value that ParamType.shell_complete returns for what was
# typed appears in the line. bash breaks words at ":" and "=", and the script gives Click only what stands behind. zsh and fish hand over
# `--format=j` as one word; zsh then puts `jsonl` in the place of all of it, so the option is gone; fish drops it as not matching.
# fish also cuts a description at its first comma, because its script splits the answer at commas.
# For many queries: nothing breaks in a run; a program with such arguments has to bring its own scripts.
#
# What is typed, and what the program is then started with:
#           tool a.sql:o<TAB>     tool x --format=j<TAB>
#   bash    a.sql:o               x --format=j
#   zsh     a.sql:one             x jsonl
#   fish    a.sql:one             x --format=j
#   description "rows, then columns" in fish: rows
# Exits with 1 if one of these changes. Needs Debian's bash, zsh and fish.
set -euo pipefail
for shell in bash zsh fish; do command -v "$shell" >/dev/null || { echo "needs Debian's $shell"; exit 2; }; done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'click==8.5.1'
cd "$folder"

cat >tool.py <<'PY'
import sys

import click
from click.shell_completion import CompletionItem


class Query(click.ParamType):
    name = "query"

    def shell_complete(self, ctx, param, incomplete):
        return [CompletionItem(value) for value in ("a.sql:one", "b.sql:two") if value.startswith(incomplete)]


class Format(click.ParamType):
    name = "format"

    def shell_complete(self, ctx, param, incomplete):
        found = [value for value in ("csv", "jsonl") if value.startswith(incomplete)]
        return [CompletionItem(value, help="rows, then columns") for value in found]


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("query", type=Query())
@click.option("--format", type=Format())
def tool(query, format):
    pass


if len(sys.argv) > 1:
    with open("got", "w") as file:
        file.write(" ".join(sys.argv[1:]))
else:
    tool(prog_name="tool")
PY
printf '#!/bin/sh\nexec "%s/venv/bin/python" "%s/tool.py" "$@"\n' "$folder" "$folder" >tool
chmod +x tool
cat >drive.py <<'PY'
"""Type into a shell in a pseudo-terminal."""

import os
import pathlib
import pty
import select
import subprocess
import sys
import time

SHELLS = {
    "bash": (["bash", "--norc", "-i"], ['eval "$(_TOOL_COMPLETE=bash_source tool)"']),
    "zsh": (["zsh", "-f", "-i"], ["autoload -U compinit; compinit -u -D", 'eval "$(_TOOL_COMPLETE=zsh_source tool)"']),
    "fish": (["fish", "--no-config", "-i"], ["_TOOL_COMPLETE=fish_source tool | source"]),
}
os.environ |= {"TERM": "dumb", "PATH": f"{os.getcwd()}:{os.environ['PATH']}", "HOME": os.getcwd()}
got = pathlib.Path("got")


def quiet(terminal, silence_s):
    """Read until nothing has come for a while."""
    while select.select([terminal], [], [], silence_s)[0]:
        try:
            os.read(terminal, 65536)
        except OSError:
            return


def typed(shell, text):
    arguments, setup = SHELLS[shell]
    child, terminal = pty.fork()
    if child == 0:
        os.execvp(arguments[0], arguments)
    got.unlink(missing_ok=True)
    quiet(terminal, 2)
    for line in setup:
        os.write(terminal, line.encode() + b"\r")
        quiet(terminal, 2)
    os.write(terminal, text.encode())
    quiet(terminal, 1)
    os.write(terminal, b"\t")
    quiet(terminal, 3)
    os.write(terminal, b"\r")
    for _ in range(100):
        if got.exists() and got.read_text():
            break
        quiet(terminal, 0.1)
    os.write(terminal, b"\x15exit\r")
    quiet(terminal, 1)
    os.close(terminal)
    for _ in range(50):
        if os.waitpid(child, os.WNOHANG)[0]:
            break
        time.sleep(0.1)
    return got.read_text() if got.exists() else "nothing"


found = {}
print("        tool a.sql:o<TAB>     tool x --format=j<TAB>")
for shell in SHELLS:
    found[shell] = [typed(shell, "tool a.sql:o"), typed(shell, "tool x --format=j")]
    print(f"{shell:<8}{found[shell][0]:<22}{found[shell][1]}")
words = SHELLS["fish"][1][0] + "; complete -C 'tool x --format j'"
answer = subprocess.run(["fish", "--no-config", "-c", words], capture_output=True, text=True, check=True).stdout.strip()
print('description "rows, then columns" in fish:', answer.split("\t")[-1])
expected = {
    "bash": ["a.sql:o", "x --format=j"],
    "zsh": ["a.sql:one", "x jsonl"],
    "fish": ["a.sql:one", "x --format=j"],
}
sys.exit(0 if (found, answer) == (expected, "jsonl\trows") else 1)
PY
python3 drive.py
