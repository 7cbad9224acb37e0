"""Take the values of secret parameters out of a message of a server or a library. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bulkq.text.mask import MASK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bulkq.model import ParameterSet, Query

WHOLE = 16
"""Characters of a value that stand for all of it: servers cut long values in their messages."""


def hidden_names(query: Query) -> frozenset[str]:
    """Parameters whose values no plan shows, case folded: secret ones, and those with the name of a column in `@mask`."""
    columns = ",".join(query.metadata.get("mask", ())).split(",")
    names = [*columns, *(p.name for p in query.parameters if p.secret)]
    return frozenset(filter(None, (name.strip().casefold() for name in names)))


def without_secrets(text: str, query: Query, sets: Iterable[ParameterSet]) -> str:
    """`text` with `***` in place of each value in `sets` of a secret parameter of `query`, in any case and quoting."""
    places = [i for i, parameter in enumerate(query.parameters) if parameter.secret]
    if not places:
        return text
    values = {str(values[i]) for values in sets for i in places if values and values[i] is not None}
    for value in sorted(filter(None, values), key=len, reverse=True):
        text = re.sub(_spelling(value), MASK, text, flags=re.IGNORECASE | re.DOTALL)
    return text


def _spelling(value: str) -> str:
    """A pattern of `value` as messages spell it: quotes and backslashes may be doubled, and the end may be missing."""
    spelled = [f"{re.escape(c)}{{1,2}}" if c in "'\"\\`" else re.escape(c) for c in value]
    head, tail = "".join(spelled[:WHOLE]), "".join(spelled[WHOLE:])
    return f"{head}(?:{tail}|[^'\"`]*)" if tail else head
