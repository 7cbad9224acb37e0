"""Check a driver against the Protocols of `bulkq.protocols`: `missing` lists what it lacks."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from bulkq.protocols import Connection, Driver

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

OPENING = ("url", "application_name", "read_only")
"""The parameters of a driver module's `open`."""


def missing(module: ModuleType | type, driver: object, connection: object) -> list[str]:
    """Return what a driver still lacks, one line each, with what to do.

    Args:
        module: of the driver, or its class.
        driver: the result of its `open`.
        connection: the result of the driver's `connect`.
    """
    found = []
    opening = getattr(module, "open", None)
    if opening is None or not set(OPENING) <= set(inspect.signature(opening).parameters):
        found.append(f"{module.__name__} has no open({OPENING[0]}, *, {', '.join(OPENING[1:])}): write it")
    for thing, protocol, role in ((driver, Driver, "driver"), (connection, Connection, "connection")):
        for name, wanted in _required(protocol).items():
            there = getattr(thing, name, None)
            if there is None:
                found.append(f"the {role} has no {name}: {_first_line(wanted)}")
            elif callable(wanted) and not _takes(there, wanted):
                found.append(f"{name} of the {role} does not take {', '.join(_parameters(wanted))}: add them")
    return found


def _required(protocol: type) -> dict[str, object]:
    methods = {name: value for name, value in vars(protocol).items() if callable(value) and not name.startswith("_")}
    return dict.fromkeys(inspect.get_annotations(protocol)) | methods


def _parameters(function: Callable[..., object]) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


def _takes(there: object, wanted: Callable[..., object]) -> bool:
    return callable(there) and set(_parameters(wanted)) <= set(inspect.signature(there).parameters)


def _first_line(wanted: object) -> str:
    text = inspect.getdoc(wanted) if callable(wanted) else "an attribute, see bulkq.protocols"
    return (text or "").partition("\n")[0]
