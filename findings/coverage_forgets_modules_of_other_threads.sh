#!/usr/bin/env bash
# coverage.py 7.17.5 with `source_pkgs`, a program with threads: after any change of sys.path, the next file that is new to the tracer makes it
# look for the source packages again, and every module that another thread imports during that look is taken out of sys.modules when it ends.
# A module whose import is under way at that moment fails with KeyError and its own name; one that is complete is imported a second time later,
# with state of its own. The look takes milliseconds as a rule, so a measured program with threads fails now and then. Here the source package
# lies in a parent that takes a second to import, and sys.path is as before when the other thread imports (it would look, too), which makes it certain.
# Output seen:
#   without coverage: imported
#   under coverage: KeyError: 'wanted'
# Exits 1 if one of these changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'coverage==7.17.5'
cd "$folder"
mkdir parent more
echo "import time; time.sleep(1)" >parent/__init__.py
echo >parent/measured.py
echo "import time; time.sleep(0.8)" >wanted.py
echo "def run(): pass" >more/other.py
cat >program.py <<'PY'
import sys
import threading
import time


def meet_a_new_file() -> None:
    sys.path.append("more")
    import other

    other.run()


threading.Thread(target=meet_a_new_file).start()
time.sleep(0.6)
sys.path.remove("more")
try:
    import wanted
except KeyError as error:
    print("KeyError:", error)
else:
    print("imported")
PY
printf '[run]\nsource_pkgs = parent.measured\n' >.coveragerc
plain=$(venv/bin/python program.py)
measured=$(venv/bin/coverage run program.py 2>/dev/null)
echo "without coverage: $plain"
echo "under coverage: $measured"
[ "$plain" = imported ] && [ "$measured" = "KeyError: 'wanted'" ]
