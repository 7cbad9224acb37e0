#!/usr/bin/env bash
# `bulk_update` of Django, peewee and Tortoise: of two objects of one row the first is stored; with batch_size=1, and with SQLAlchemy, the last.
#
# Django 5.2.19, peewee 4.5.3, Tortoise 1.1.9, SQLAlchemy 2.1.9, SQLite of Python 3.11. A good guess: bulk_update is save() of each object in fewer
# statements, so the last one wins, or two objects of one key are refused. It is one UPDATE with `CASE WHEN id = 1 THEN 1 WHEN id = 1 THEN 2 END`, and the
# first branch that fits is taken. Of two objects in different batches the last wins, so the size of the batch, or the number of rows
# that a list happens to have, decides which value is stored. The count that is returned tells 1 where two objects were given, 2 with batches of one.
# For loads: a list of changes in the order of time (events, a CSV with corrections behind) stores old values. Keep the last of each key before.
#
# Output seen; the row has v = 0, the objects have v = 1 and v = 2:
#   django      bulk_update: 1      batch_size=1: 2
#   peewee      bulk_update: 1      batch_size=1: 2
#   tortoise    bulk_update: 1      batch_size=1: 2
#   sqlalchemy  execute(update(Row), rows): 2
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'Django==5.2.19' 'peewee==4.5.3' 'tortoise-orm==1.1.9' 'SQLAlchemy==2.1.9'
cd "$folder"
cat >rows.py <<'PY'
from tortoise import fields, models


class TortoiseRow(models.Model):
    id = fields.IntField(primary_key=True)
    v = fields.IntField()
PY

venv/bin/python - <<'PY'
import asyncio

import django
import peewee
import sqlalchemy
from django.conf import settings
from django.db import connection, models
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from tortoise import Tortoise

MEMORY = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
settings.configure(DATABASES=MEMORY, DEFAULT_AUTO_FIELD="django.db.models.AutoField")
django.setup()


class DjangoRow(models.Model):
    v = models.IntegerField()

    class Meta:
        app_label = "rows"


def by_django(size):
    DjangoRow.objects.all().delete()
    DjangoRow(id=1, v=0).save()
    DjangoRow.objects.bulk_update([DjangoRow(id=1, v=1), DjangoRow(id=1, v=2)], ["v"], batch_size=size)
    return DjangoRow.objects.get(id=1).v


class PeeweeRow(peewee.Model):
    v = peewee.IntegerField()

    class Meta:
        database = peewee.SqliteDatabase(":memory:")


def by_peewee(size):
    PeeweeRow.delete().execute()
    PeeweeRow.insert(id=1, v=0).execute()
    PeeweeRow.bulk_update([PeeweeRow(id=1, v=1), PeeweeRow(id=1, v=2)], [PeeweeRow.v], batch_size=size)
    return PeeweeRow.get_by_id(1).v


async def by_tortoise(size):
    from rows import TortoiseRow

    await Tortoise.init(db_url="sqlite://:memory:", modules={"models": ["rows"]})
    await Tortoise.generate_schemas()
    await TortoiseRow.create(id=1, v=0)
    await TortoiseRow.bulk_update([TortoiseRow(id=1, v=1), TortoiseRow(id=1, v=2)], ["v"], batch_size=size)
    found = (await TortoiseRow.get(id=1)).v
    await Tortoise.close_connections()
    return found


class Base(DeclarativeBase):
    pass


class Row(Base):
    __tablename__ = "rows"
    id: Mapped[int] = mapped_column(primary_key=True)
    v: Mapped[int]


def by_sqlalchemy():
    engine = sqlalchemy.create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Row(id=1, v=0))
        session.flush()
        session.execute(sqlalchemy.update(Row), [{"id": 1, "v": 1}, {"id": 1, "v": 2}])
        return session.scalar(sqlalchemy.text("select v from rows"))


with connection.schema_editor() as editor:
    editor.create_model(DjangoRow)
PeeweeRow.create_table()
found = {}
for name, run in (
    ("django", by_django),
    ("peewee", by_peewee),
    ("tortoise", lambda size: asyncio.run(by_tortoise(size))),
):
    found[name] = (run(None), run(1))
    print(f"{name:10}  bulk_update: {found[name][0]}      batch_size=1: {found[name][1]}")
last = by_sqlalchemy()
print(f"sqlalchemy  execute(update(Row), rows): {last}")
assert set(found.values()) == {(1, 2)} and last == 2
PY
