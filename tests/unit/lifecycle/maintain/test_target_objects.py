"""Objects that the options name and select."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bulkq.dialects import MYSQL, POSTGRESQL, SQLITE, Dialect
from bulkq.dialects.maintenance_catalog import ServerFacts
from bulkq.dialects.sqlite_maintenance import MAINTENANCE
from bulkq.dialects.sqlstates import LOCK_NOT_AVAILABLE
from bulkq.drivers.optional_connection_methods import BaseConnection
from bulkq.errors import DatabaseError, TargetError, UsageError
from bulkq.lifecycle.maintain.target_objects import (
    TargetObjects,
    able,
    catalog_of,
    choose,
    list_objects,
    refuse_unknown_names,
    unknown_exclusions,
)
from bulkq.model import Phase
from bulkq.model.maintenance import MaintainedObject, MaintenanceOptions, ObjectFacts

if TYPE_CHECKING:
    from collections.abc import Sequence

VACUUM = MaintenanceOptions(command="vacuum")


def facts(schema: str, name: str, dead: float) -> ObjectFacts:
    """A table."""
    return ObjectFacts(MaintainedObject("table", schema, name, f"{schema}.{name}"), {"dead": dead})


TABLES = [facts("public", "a", 1), facts("public", "b", 20), facts("log", "c", 5)]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (VACUUM, ["b", "c", "a"]),
        (MaintenanceOptions(command="vacuum", select="dead > 4"), ["b", "c"]),
        (MaintenanceOptions(command="vacuum", tables=("public.a", "c")), ["c", "a"]),
        (MaintenanceOptions(command="vacuum", schemas=("pub*",)), ["b", "a"]),
        (MaintenanceOptions(command="vacuum", exclude=("log", "b")), ["a"]),
    ],
)
def test_options_choose_objects(options: MaintenanceOptions, names: list[str]) -> None:
    """By expression, name, schema and exclusion; the most urgent first."""
    assert [one.name for one in choose(TABLES, options)] == names


def test_names_that_mean_nothing_are_refused() -> None:
    """With the nearest that there are."""
    made = TargetObjects(
        catalog=MAINTENANCE, server=ServerFacts(), listed={("", one.object.name): one for one in TABLES}
    )
    refuse_unknown_names([made], MaintenanceOptions(command="vacuum", tables=("b",), schemas=("log",)))
    with pytest.raises(UsageError, match=r'--table "public.d": no object of vacuum has this name \(did you mean'):
        refuse_unknown_names([made], MaintenanceOptions(command="vacuum", tables=("public.d",)))
    with pytest.raises(UsageError, match=r'--schema "lag": no object of vacuum is in it \(did you mean "log"'):
        refuse_unknown_names([made], MaintenanceOptions(command="vacuum", schemas=("lag",)))
    assert unknown_exclusions([made], MaintenanceOptions(command="vacuum", exclude=("b", "log", "nosuch"))) == [
        "nosuch"
    ]


def test_a_database_has_its_own_commands() -> None:
    """What it does not have is refused with those that it has; so is a library without warnings."""
    target = cast(
        "Any",
        SimpleNamespace(label="x", driver=SimpleNamespace(capabilities=SimpleNamespace(notices=False, name="psycopg"))),
    )
    assert catalog_of(SQLITE, VACUUM, target, "sqlite") is SQLITE.maintenance
    with pytest.raises(UsageError, match="mysql has no vacuum: use one of optimize, analyze, check"):
        catalog_of(MYSQL, VACUUM, target, "mysql")
    with pytest.raises(UsageError, match="knows no maintenance for oracle"):
        catalog_of(Dialect(name="oracle"), VACUUM, target, "oracle")
    with pytest.raises(UsageError, match="psycopg does not give the warnings of the server"):
        catalog_of(POSTGRESQL, VACUUM, target, "postgresql")
    with pytest.raises(UsageError, match="executes no maintenance"):
        able(cast("Any", object()))


@pytest.mark.parametrize(
    ("given", "typed"),
    [
        ({"full": True}, "--full"),
        ({"analyze": True}, "--analyze"),
        ({"skip_locked": True}, "--skip-locked"),
        ({"parallel": 0}, "--parallel"),
        ({"buffer_usage_limit": "1MB"}, "--buffer-usage-limit"),
        ({"concurrently": False}, "--no-concurrently"),
    ],
)
def test_an_option_that_would_change_nothing_is_refused(given: dict[str, Any], typed: str) -> None:
    """SQLite has none of them, PostgreSQL has all."""
    options = MaintenanceOptions(command="vacuum", **given)
    capabilities = SimpleNamespace(notices=True, name="any")
    target = cast("Any", SimpleNamespace(label="x", driver=SimpleNamespace(capabilities=capabilities)))
    with pytest.raises(UsageError, match=f"x: vacuum of sqlite has no {typed}: leave it out"):
        catalog_of(SQLITE, options, target, "sqlite")
    assert catalog_of(POSTGRESQL, options, target, "postgresql") is POSTGRESQL.maintenance


class LockedCatalog(BaseConnection):
    """A catalog whose sizes wait for a lock."""

    def __init__(self, *states: str) -> None:
        self.states = list(states)

    async def catalog_rows(self, sql: str, *, timeout_s: float) -> Sequence[Sequence[object]]:
        if self.states:
            raise DatabaseError("no", sqlstate=self.states.pop(0), phase=Phase.SENT)
        return [("t", "t")]


async def test_a_size_that_waits_for_a_lock_is_estimated() -> None:
    """The second list needs no lock; any other error is that of the target."""
    options = MaintenanceOptions(command="analyze", select="name = 't'")
    found = await list_objects(cast("Any", LockedCatalog(LOCK_NOT_AVAILABLE)), MAINTENANCE, options, ServerFacts())
    assert [one.object.name for one in found] == ["t"]
    with pytest.raises(TargetError, match="cannot be listed"):
        await list_objects(cast("Any", LockedCatalog("42501")), MAINTENANCE, options, ServerFacts())
