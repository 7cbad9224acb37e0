#!/usr/bin/env bash
# SQLAlchemy ORM: `execute(insert(Row), {"v": None})` stores the column's server default, `execute(insert(Row).values(v=None))` NULL.
#
# SQLAlchemy 2.1.9, SQLite of Python 3.11. A good guess: None is NULL, as for every parameter of a query, and a default is for a key that is left out; a statement
# does the same whether its values are given to values() or to execute(). For a mapped class execute() goes the way of the unit of work, which leaves
# None out of the INSERT, so the server's default is stored; with the class's table it stores NULL. An UPDATE to None stores NULL in each way.
# For loads: a "no end", "no limit" or "unknown" of the source becomes the default (now, 0, 'active') in the copy, and a count of NULLs differs. Use the
# table (`insert(Row.__table__)`), execution option render_nulls=True, or null() as the value.
#
# Output seen, for v with a server default of 7:
#   execute(insert(Row), {...})               7
#   execute(insert(Row), [{...}])             7
#   session.add(Row(v=None))                  7
#   render_nulls=True                         None
#   execute(insert(Row).values(v=None))       None
#   execute(insert(Row).values([{...}]))      None
#   execute(insert(Row.__table__), [{...}])   None
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'SQLAlchemy==2.1.9'
cd "$folder"

venv/bin/python - <<'PY'
from sqlalchemy import create_engine, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Row(Base):
    __tablename__ = "rows"
    id: Mapped[int] = mapped_column(primary_key=True)
    v: Mapped[int | None] = mapped_column(server_default="7")


def stored(load):
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        load(session)
        session.flush()
        return session.scalar(select(Row.__table__.c.v))


ROW = {"id": 1, "v": None}
seen = {
    "execute(insert(Row), {...})": stored(lambda s: s.execute(insert(Row), ROW)),
    "execute(insert(Row), [{...}])": stored(lambda s: s.execute(insert(Row), [ROW])),
    "session.add(Row(v=None))": stored(lambda s: s.add(Row(**ROW))),
    "render_nulls=True": stored(lambda s: s.execute(insert(Row).execution_options(render_nulls=True), [ROW])),
    "execute(insert(Row).values(v=None))": stored(lambda s: s.execute(insert(Row).values(**ROW))),
    "execute(insert(Row).values([{...}]))": stored(lambda s: s.execute(insert(Row).values([ROW]))),
    "execute(insert(Row.__table__), [{...}])": stored(lambda s: s.execute(insert(Row.__table__), [ROW])),
}
for name, value in seen.items():
    print(f"{name:40}  {value}")
assert list(seen.values()) == [7, 7, 7, None, None, None, None]
PY
