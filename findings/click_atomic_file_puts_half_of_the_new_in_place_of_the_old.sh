#!/usr/bin/env bash
# Click: `click.File("w", atomic=True)` replaces the old file by half of the new one if the command fails.
#
# Click 8.5.1, Python 3.11. A good guess: an atomic file is there as a whole or not at all. The manual says that all writes go into a separate file and "upon
# completion the file will be moved over to the original location", so an exception before the end keeps the old one. The end of the context closes
# the file, does not know of the exception, and moves it. click.open_file(..., atomic=True) in a `with` block that an exception leaves does
# the same. So a report that was half written takes the place of the last whole one, with exit code 1.
# For many queries: write to a name of your own and os.replace() it as the last statement of success.
#
# Output seen; the file had "old and whole" in it, the command wrote "half" and failed:
#   File(atomic=True), RuntimeError          exit 1   half
#   File(atomic=True), ClickException        exit 1   half
#   File(atomic=True, lazy=True)             exit 1   half
#   with open_file(atomic=True)              raised   half
#   File("w") without atomic, lazy           exit 1   half
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'click==8.5.1'
cd "$folder"

venv/bin/python - <<'PY'
from pathlib import Path

import click
from click.testing import CliRunner

OUT = Path("out.txt")
found = []


def note(name, ended):
    found.append((ended, OUT.read_text()))
    print(f"{name:<40} {ended:<8} {found[-1][1]}")
    assert [path.name for path in Path().iterdir() if path.name != "venv"] == ["out.txt"]


def command(error, **options):
    @click.command()
    @click.argument("out", type=click.File("w", **options))
    def write(out):
        out.write("half")
        raise error

    OUT.write_text("old and whole")
    return f"exit {CliRunner().invoke(write, [str(OUT)]).exit_code}"


note("File(atomic=True), RuntimeError", command(RuntimeError(), atomic=True))
note("File(atomic=True), ClickException", command(click.ClickException("no"), atomic=True))
note("File(atomic=True, lazy=True)", command(RuntimeError(), atomic=True, lazy=True))
OUT.write_text("old and whole")
try:
    with click.open_file(str(OUT), "w", atomic=True) as file:
        file.write("half")
        raise RuntimeError
except RuntimeError:
    note("with open_file(atomic=True)", "raised")
note('File("w") without atomic, lazy', command(RuntimeError(), lazy=True))
assert found == [("exit 1", "half")] * 3 + [("raised", "half"), ("exit 1", "half")], found
PY
