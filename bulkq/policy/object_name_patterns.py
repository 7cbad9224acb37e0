"""The names of `--table`, `--schema` and `--exclude`: patterns with `*`, or names in quotation marks as in SQL. Pure."""

from __future__ import annotations

from fnmatch import fnmatchcase
from glob import escape
from typing import TYPE_CHECKING

from bulkq.text.late_pattern import compile_late

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bulkq.model.maintenance import ObjectFacts

_PART = r'("(?:[^"]|"")+"|[^".]+)'
_QUOTED = compile_late(rf"{_PART}(?:\.{_PART})?")


def matches_name(pattern: str, facts: ObjectFacts) -> bool:
    """Whether a name or pattern means an object: by its name, by that of its table, or of a partitioned table above it.

    What stands in quotation marks is a name and no pattern: `"a b"."x*"`.
    """
    wanted = facts.object
    whole = {wanted.shown, wanted.table, *facts.parents}
    local = {wanted.name, *(_local(name, wanted.schema) for name in whole)}
    parts = _parts(pattern)
    if parts is None:
        return _any_matches(whole | local, pattern)
    return _any_matches(whole if len(parts) > 1 else local, ".".join(parts))


def matches_schema(pattern: str, schema: str) -> bool:
    """Whether a name or pattern means a schema."""
    parts = _parts(pattern)
    return fnmatchcase(schema, pattern if parts is None else ".".join(parts))


def _parts(pattern: str) -> list[str] | None:
    """The one or two parts of a name that has quotation marks as in SQL, as patterns; None if it has none."""
    found = _QUOTED.fullmatch(pattern) if '"' in pattern else None
    if found is None:
        return None
    return [escape(part[1:-1].replace('""', '"')) if part[0] == '"' else part for part in found.groups() if part]


def _any_matches(names: Iterable[str], pattern: str) -> bool:
    return any(fnmatchcase(name, pattern) for name in names)


def _local(name: str, schema: str) -> str:
    """A name without its schema, which is mostly `schema`."""
    prefix = f"{schema}."
    return name[len(prefix) :] if schema and name.startswith(prefix) else name.rpartition(".")[2]
