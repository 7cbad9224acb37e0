"""The value of `@requires`: what a query needs of the database that it runs on.

    pg | pg>=16 | pg<17 | sqlite>=3.40 | mariadb>=10.6
    primary | standby
    table:NAME | extension:NAME | role:NAME | privilege:NAME | setting:NAME | setting:NAME=VALUE

Several stand in one line, separated by commas, or in several lines. All of them must be met.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bulkq.dialects import DIALECTS
from bulkq.model.requirement import NAMED, Requirement, RequirementKind
from bulkq.text.late_pattern import compile_late
from bulkq.text.message_parts import quoted, suggestion

if TYPE_CHECKING:
    from bulkq.model import Query

PRODUCTS = frozenset(name for dialect in DIALECTS for name in (*dialect.products, *filter(None, (dialect.short,))))
"""The words for a database."""

STATES = (RequirementKind.PRIMARY, RequirementKind.STANDBY)

FORMS = 'write "pg>=16", "primary", "extension:NAME", "role:NAME", "privilege:NAME" or "setting:NAME=VALUE"'

_VERSION = compile_late(r"([a-z]+)\s*(?:(>=|<=|>|<|=)\s*(\d+(?:\.\d+){0,2}))?", re.ASCII | re.IGNORECASE)
_NAMED = compile_late(r"([a-z]+)\s*:\s*([^\s=:]+)\s*(?:(=)\s*(\S.*))?", re.IGNORECASE)


def parse_requirements(text: str) -> tuple[Requirement, ...]:
    """The requirements of one line.

    Raises:
        ValueError: a part of it is not a requirement; one line that quotes it and says what to write.
    """
    return tuple(_requirement(" ".join(part.split())) for part in text.split(","))


def requirements(query: Query) -> tuple[Requirement, ...]:
    """What `query` requires, whose header `load` has checked."""
    return tuple(one for line in query.metadata.get("requires", ()) for one in parse_requirements(line))


def _requirement(text: str) -> Requirement:
    named = _NAMED.fullmatch(text)
    if named:
        return _named(text, named[1].lower(), named[2], named[3] or "", named[4] or "")
    versioned = _VERSION.fullmatch(text)
    if not versioned:
        raise ValueError(f"{quoted(text)} is not a requirement: {FORMS}")
    word = versioned[1].lower()
    if word in STATES and not versioned[2]:
        return Requirement(text, RequirementKind(word))
    if word not in PRODUCTS:
        known = (*PRODUCTS, *STATES)
        raise ValueError(f"{quoted(text)} is not a requirement{suggestion(word, known, '{}') or f': {FORMS}'}")
    return Requirement(text, RequirementKind.PRODUCT, word, versioned[2] or "", versioned[3] or "")


def _named(text: str, word: str, name: str, operator: str, value: str) -> Requirement:
    if word not in NAMED:
        raise ValueError(f"{quoted(text)} is not a requirement{suggestion(word, NAMED, '{}:') or f': {FORMS}'}")
    kind = RequirementKind(word)
    if operator and kind is not RequirementKind.SETTING:
        raise ValueError(f'{quoted(text)}: only a setting has a value: write "{word}:{name}"')
    return Requirement(text, kind, name, operator, value)
