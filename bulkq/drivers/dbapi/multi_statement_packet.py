"""Send the statements of several sets in one packet and read their results one after another.

Each statement is the text that the library would send for its set alone. The server executes them in turn and stops at the first
error, so the number of results before an error names its set.
"""

from __future__ import annotations

import math
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bulkq.model import StatementClass
from bulkq.query.tokens import tokenize

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from bulkq.drivers.bind_parameters import Call
    from bulkq.drivers.dbapi.attempt_state import AttemptState
    from bulkq.drivers.dbapi.pep249 import DbapiCursor
    from bulkq.model import Query

    Write = Callable[[str, Any], bytes]
    """What the library sends for a statement with these values."""

SEPARATOR = b"\n;\n"
"""On a line of its own: the statement before it may end with a comment."""

MOST_SETS = 500
MOST_BYTES = 256 * 1024


class SetBySet(Exception):
    """The sets of a packet have to be executed one by one: the answers alone do not say enough.

    Args:
        always: so have those of the next packets.
    """

    def __init__(self, *, always: bool) -> None:
        self.always = always


def can_share(query: Query, dialect: str) -> bool:
    """Whether the text is one statement, with one result, that neither begins nor ends a transaction."""
    if query.statement not in {StatementClass.READ, StatementClass.WRITE} or not query.transaction:
        return False
    return all(token.word != ";" for token in tokenize(query.sql, dialect).tokens)


def packets(calls: Iterable[Call], write: Write, largest: int) -> Iterator[list[bytes]]:
    """The statements of `calls` in packets of at most `largest` bytes; a statement that is larger travels alone.

    If a value cannot be sent, its error is raised after the packet of the sets before it.
    """
    texts: list[bytes] = []
    size = 0
    for text, values in calls:
        try:
            made = write(text, values)
        except Exception:
            if texts:
                yield texts
            raise
        if texts and (size + len(made) > largest or len(texts) >= MOST_SETS):
            yield texts
            texts, size = [], 0
        texts.append(made)
        size += len(made) + len(SEPARATOR)
    if texts:
        yield texts


def results(
    cursor: DbapiCursor,
    texts: list[bytes],
    attempt: AttemptState,
    *,
    limit_s: float,
    warned: Callable[[DbapiCursor], int] | None,
) -> Generator[None]:
    """Execute `texts` in one packet; at each step `cursor` has the result of the next one.

    Args:
        cursor: of the library, with `nextset`.
        texts: the statements.
        attempt: under way; if it is cancelled, the rest is left out.
        limit_s: what an answer may take and still be believed. No answer took longer than all of them did.
        warned: how many warnings a result had.

    Raises:
        SetBySet: a result has warnings, whose texts cannot be asked for here, or the packet took `limit_s`.
    """
    library: Any = cursor
    since_s = time.monotonic()
    try:
        library.execute(SEPARATOR.join(texts))
        for left in range(len(texts) - 1, -1, -1):
            has_warnings = warned is not None and warned(cursor) > 0
            _refuse(has_warnings or (limit_s < math.inf and time.monotonic() - since_s >= limit_s), always=has_warnings)
            yield
            if left:
                _refuse(attempt.cancelled or not library.nextset(), always=not attempt.cancelled)
        _refuse(bool(library.nextset()), always=True)
    except BaseException:
        _drain(library)
        raise


def _refuse(condition: bool, *, always: bool) -> None:
    if condition:
        raise SetBySet(always=always)


def _drain(library: Any) -> None:
    """Read what is still to come: the session may only then be used again."""
    with suppress(Exception):  # the first error ends the packet
        while library.nextset():
            pass
