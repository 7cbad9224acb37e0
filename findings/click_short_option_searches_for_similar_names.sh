#!/usr/bin/env bash
# Click 8.5.1: each valid short option is first looked up as a long one, and the error for that searches all options for similar names.
#
# Python 3.11. A good guess: `-t x` of a command with an option `-t` is a look-up in a table. Click's parser tries it as a long option
# first. The exception that it makes for "no such option" computes the names to suggest at once, with `difflib`, and is then thrown away.
# A program with 100 options pays for the import of difflib, and for the comparison with 100 names per short option.
# The fix: a long name, `--target x`, does neither.
#
# Output seen:
#   --target x: exit 0, difflib imported: False, searches: 0
#   -t x:       exit 0, difflib imported: True, searches: 1
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'click==8.5.1'

cat >"$folder/program.py" <<'PY'
import sys

import click


@click.command()
@click.option("--target", "-t")
def program(target):
    assert target == "x"


before = "difflib" in sys.modules
assert not before
code = program.main(sys.argv[1:], standalone_mode=False) or 0
imported = "difflib" in sys.modules
import difflib

searches = 0
search = difflib.get_close_matches


def counted(*arguments, **named):
    global searches
    searches += 1
    return search(*arguments, **named)


difflib.get_close_matches = counted
program.main(sys.argv[1:], standalone_mode=False)
print(f"exit {code}, difflib imported: {imported}, searches: {searches}")
PY
long=$("$folder/venv/bin/python" "$folder/program.py" --target x)
short=$("$folder/venv/bin/python" "$folder/program.py" -t x)
echo "--target x: $long"
echo "-t x:       $short"
[ "$long" = "exit 0, difflib imported: False, searches: 0" ] && [ "$short" = "exit 0, difflib imported: True, searches: 1" ]
