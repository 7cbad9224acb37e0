"""Tables whose rows count how often they were changed, with keys of several types, and another session that works on them."""

from __future__ import annotations

import contextlib
import random
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.targets import Target

DIGEST = {
    "postgresql": "md5({n}::text)",
    "pgbouncer": "md5({n}::text)",
    "mariadb": "md5({n})",
    "sqlite": "hex({n} * 7919 % 1000003)",
}


@dataclass(frozen=True, slots=True)
class KeyTable:
    """A table `counters` of one kind.

    Attributes:
        columns: the definition of its key columns.
        key: their names.
        values: an expression for each, of the number `{n}` and its `{digest}`.
    """

    columns: str
    key: str
    values: str


KEYS = {
    "integer": KeyTable("a integer not null", "a", "{n} * 10"),
    "uuid": KeyTable("a uuid not null", "a", "md5({n}::text)::uuid"),
    "text": KeyTable('a text not null collate "C"', "a", "{digest} || {n}"),
    "icu": KeyTable('a text not null collate "de-x-icu"', "a", "chr(192 + {n} % 60) || {digest} || {n}"),
    "composite": KeyTable("a integer not null, b text not null, c integer not null", "a, b, c", "{n} % 13, 'k' || {n} % 7, {n}"),
    "rowid": KeyTable("a integer not null", "a", "{n} * 10"),
    "binary text": KeyTable("a text not null", "a", "{digest} || {n}"),
    "varchar": KeyTable("a varchar(80) not null", "a", "concat({digest}, {n})"),
}  # fmt: skip


def make(target: Target, key: str, rows: int) -> None:
    """A table `counters` with rows 1 to `rows`, none of them changed and none of them `late`."""
    found = KEYS[key]
    target.execute(
        "drop table if exists counters",
        f"create table counters ({found.columns}, id integer not null, n integer not null default 0, "
        f"late integer not null default 0, note integer, primary key ({found.key}))",
    )
    target.execute(
        f"insert into counters ({found.key}, id) select {_values(target, key, 'i')}, i from {_series(target, rows)}"
    )


def _values(target: Target, key: str, number: str) -> str:
    digest = DIGEST[target.kind].format(n=number)
    return KEYS[key].values.format(n=number, digest=digest)


def _series(target: Target, rows: int) -> str:
    if target.kind in {"postgresql", "pgbouncer"}:
        return f"generate_series(1, {rows}) i"
    return f"(with recursive s(i) as (select 1 union all select i + 1 from s where i < {rows}) select i from s) as s"


def changes(target: Target) -> dict[tuple[int, int], int]:
    """How many rows there are of each pair of `late` and the number of changes."""
    rows = target.execute("select late, n, count(*) from counters group by late, n")
    return {(int(str(late)), int(str(n))): int(str(count)) for late, n, count in rows}


class OtherSession:
    """Inserts rows all over the key, deletes some and changes other columns, until it is stopped.

    Args:
        target: has the table.
        key: of the table.
        rows: that were there at the start.
        chance: draws.
    """

    def __init__(self, target: Target, key: str, rows: int, chance: random.Random) -> None:
        self._target, self._key, self._rows = target, key, rows
        self._chance = random.Random(chance.random())
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.deleted = 0

    def __enter__(self) -> OtherSession:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        number = self._rows
        while not self._stop.wait(0.02):
            number += 1
            place = self._chance.randrange(self._rows * 2)
            values = _values(self._target, self._key, f"({place} + {number} * 3)")
            gone = self._chance.randrange(1, self._rows)
            with contextlib.suppress(Exception):  # a lock or a key that is there: the next one
                self._target.execute(
                    f"insert into counters ({KEYS[self._key].key}, id, late) select {values}, {number}, 1",
                    f"update counters set note = {number} where id = {gone + 1}",
                    f"delete from counters where id = {gone} and id % 5 = 0",
                )
