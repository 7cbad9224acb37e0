"""Decide whether a database meets what a query requires. Pure: what the database says is an argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.dialects import dialect_for
from bulkq.model.requirement import RequirementKind
from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulkq.dialects.requirement_catalog import RequirementQuery
    from bulkq.model import Server
    from bulkq.model.requirement import Requirement

_NUMBERS = compile_late(r"\d+(?:\.\d+)*")


def catalog_query(server: Server, kind: RequirementKind) -> RequirementQuery | None:
    """How the database behind `server` is asked for requirements of `kind`; None if it has no such thing."""
    catalog = dialect_for(server.product).requirements
    found: RequirementQuery | None = getattr(catalog, kind, None)
    return found


def find_unmet(
    required: Sequence[Requirement], server: Server, found: Mapping[tuple[RequirementKind, str], str | None]
) -> str:
    """Why the database does not meet `required`, with the next step; "" if it does.

    Args:
        required: by one query.
        server: the database. If it is another product, that is the only reason.
        found: what it has of the names that were asked for, with their values.
    """
    wrong = _wrong_products(required, server)
    if wrong:
        return f"requires {' and '.join(wrong)}, and the server is {server.product} {server.version}"
    reasons = [_missing(one, server, found) for one in required if one.kind is not RequirementKind.PRODUCT]
    return "; ".join(filter(None, reasons))


def fits(required: Sequence[Requirement], server: Server) -> bool:
    """Whether the product and version of `server` meet `required`."""
    return not _wrong_products(required, server)


def choose_variants(names: Sequence[str], reasons: Sequence[str], fits: Sequence[bool]) -> list[str | None]:
    """The reason of each query of `names` that is skipped, "" if it is not, None if it is left out without a word.

    Queries of one name are variants of one. If one of them meets its requirements, the others do not matter. If none does, one
    speaks for all: the first that `fits` the product and version, else the first.
    """
    chosen: dict[str, int] = {}
    for place, name in enumerate(names):
        best = chosen.setdefault(name, place)
        if (not reasons[place], fits[place]) > (not reasons[best], fits[best]):
            chosen[name] = place
    met = {name for name, reason in zip(names, reasons, strict=True) if not reason}
    return [
        reason if not reason or (name not in met and chosen[name] == place) else None
        for place, (name, reason) in enumerate(zip(names, reasons, strict=True))
    ]


def _wrong_products(required: Sequence[Requirement], server: Server) -> list[str]:
    return [one.text for one in required if one.kind is RequirementKind.PRODUCT and not _is_product(one, server)]


def _is_product(one: Requirement, server: Server) -> bool:
    if one.name not in {server.product, dialect_for(server.product).short}:
        return False
    if not one.operator:
        return True
    wanted = _parts(one.value)
    there = _parts(server.version)[: len(wanted)]
    return {
        ">=": there >= wanted,
        "<=": there <= wanted,
        ">": there > wanted,
        "<": there < wanted,
        "=": there == wanted,
    }[one.operator]


def _parts(version: str) -> list[int]:
    numbers = _NUMBERS.search(version)
    return [int(part) for part in numbers[0].split(".")] if numbers else []


def _missing(one: Requirement, server: Server, found: Mapping[tuple[RequirementKind, str], str | None]) -> str:
    if one.kind is RequirementKind.PRIMARY:
        return "requires a primary, and the server is a standby" if server.in_recovery else ""
    if one.kind is RequirementKind.STANDBY:
        return "" if server.in_recovery else "requires a standby, and the server is a primary"
    query = catalog_query(server, one.kind)
    if query is None:
        return f"requires the {one.kind} {one.name}, which {server.product} does not have"
    if (one.kind, one.name) not in found:
        advice = query.advice.format(name=one.name, user=server.user)
        return f"requires the {one.kind} {one.name}{f': {advice}' if advice else ''}"
    value = found[one.kind, one.name]
    if one.kind is RequirementKind.SETTING and one.operator and (value or "").lower() != one.value.lower():
        return f"requires {one.name}={one.value}, and it is {value}"
    if one.kind is RequirementKind.EXTENSION and value:
        return f"requires the extension {one.name}: {value}"
    return ""
