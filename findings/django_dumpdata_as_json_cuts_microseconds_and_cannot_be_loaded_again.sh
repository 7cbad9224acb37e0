#!/usr/bin/env bash
# Django: `manage.py dumpdata` writes 12:00:00.123456 as 12:00:00.123 in JSON. Two rows of one millisecond collide in loaddata, or silently become equal.
#
# Django 5.2.19, Python 3.11, SQLite (PostgreSQL has the same JSON, since the serializer makes it). A good guess: dumpdata and loaddata keep every value,
# as their documentation calls them a dump and a restore of the database, or warn where they do not. The JSON and JSONL serializers cut times to milliseconds
# "as ECMA-262 says"; XML keeps all digits. Nothing is said, exit 0. A unique time of which two lie in one millisecond makes the dump useless
# (loaddata rolls back all of it); without the constraint the order of the rows is lost, and `changed > last_seen` of an incremental job
# takes rows twice or never. A backup that was checked by its number of rows does not show it.
# For copies: use --format xml, or the dump of the database.
#
# Output seen, two rows at 12:00:00.123456 and 12:00:00.123999:
#   format  dumpdata  loaddata                         times after it
#   json    exit 0    exit 1, UNIQUE constraint failed
#   xml     exit 0    exit 0                           12:00:00.123456 12:00:00.123999
#   the same without the unique constraint:
#   json    exit 0    exit 0                           12:00:00.123000 12:00:00.123000
#   xml     exit 0    exit 0                           12:00:00.123456 12:00:00.123999
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'django==5.2.19'
cd "$folder"
mkdir shop
touch shop/__init__.py
cat >shop/models.py <<'PY'
import os

from django.db import models


class Event(models.Model):
    at = models.DateTimeField(unique="UNIQUE" in os.environ)
PY
cat >settings.py <<'PY'
SECRET_KEY = "x"
USE_TZ = True
INSTALLED_APPS = ["shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.db"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PY
cat >fill.py <<'PY'
import datetime
import shutil

import django
from django.core.management import call_command

django.setup()
from shop.models import Event

call_command("migrate", verbosity=0, run_syncdb=True)
shutil.copy("shop.db", "empty.db")
for microsecond in (123456, 123999):
    Event.objects.create(at=datetime.datetime(2026, 1, 1, 12, 0, 0, microsecond, datetime.timezone.utc))
shutil.copy("shop.db", "full.db")
PY
export DJANGO_SETTINGS_MODULE=settings PYTHONPATH=$folder
look() { # the format
    local dumped=0 loaded=0 why
    cp full.db shop.db
    venv/bin/python -m django dumpdata shop --format "$1" -o "dump.$1" >/dev/null 2>&1 || dumped=$?
    cp empty.db shop.db
    venv/bin/python -m django loaddata "dump.$1" >/dev/null 2>errors || loaded=$?
    why=$(grep -m 1 -o "UNIQUE constraint failed" errors) || true
    printf '%-8s%-10s%-33s%s\n' "$1" "exit $dumped" "exit $loaded${why:+, $why}" \
        "$(python3 -c 'import sqlite3; print(*(f"{t[11:]}.000000"[:15] for t, in sqlite3.connect("shop.db").execute("select at from shop_event order by id")))')" | sed 's/ *$//'
}
{
    UNIQUE=1 venv/bin/python fill.py
    for format in json xml; do UNIQUE=1 look $format; done
    echo "the same without the unique constraint:"
    rm shop.db
    venv/bin/python fill.py
    for format in json xml; do look $format; done
} | tee seen
diff - seen <<'TEXT'
json    exit 0    exit 1, UNIQUE constraint failed
xml     exit 0    exit 0                           12:00:00.123456 12:00:00.123999
the same without the unique constraint:
json    exit 0    exit 0                           12:00:00.123000 12:00:00.123000
xml     exit 0    exit 0                           12:00:00.123456 12:00:00.123999
TEXT
