"""Check the arguments of the Python API, and give advice with their names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from bulkq.errors import UsageError
from bulkq.policy.safety import ALLOWABLE
from bulkq.throttles import check_throttles

MOST_SECONDS = 2_147_483.0
"""PostgreSQL counts a timeout in milliseconds, in 32 bits."""

MOST_SHOWN = 80
"""Characters of a wrong argument in a message."""

ALLOW = re.compile(r"--allow ([\w,]+)")
CONCURRENCY = re.compile(r"(?<!\S)-j (\d+)")


def check_numbers(timeout_s: object, retries: object) -> None:
    """Refuse a timeout or a number of retries that is not one.

    Raises:
        UsageError: with the value.
    """
    if timeout_s is not None and not (isinstance(timeout_s, int | float) and 0 < timeout_s < MOST_SECONDS):
        raise UsageError(f"timeout={timeout_s!r}: seconds, more than 0, or None for no limit")
    if not isinstance(retries, int) or retries < 0:
        raise UsageError(f"retries={retries!r}: a number, 0 or more")


def allowed(words: object) -> frozenset[str]:
    """What `allow` names.

    Raises:
        UsageError: a word that is not known.
    """
    every = [words] if isinstance(words, str) else [*words] if isinstance(words, Iterable) else [None]
    if any(word not in ALLOWABLE for word in every):
        raise UsageError(f"allow={shown(words)}: some of {', '.join(map(json.dumps, ALLOWABLE))}")
    return frozenset(every)


def throttles(expressions: object) -> tuple[str, ...]:
    """The expressions of `throttle`.

    Raises:
        UsageError: they are not expressions.
    """
    every = (
        [expressions]
        if isinstance(expressions, str)
        else [*expressions]
        if isinstance(expressions, Iterable)
        else [None]
    )
    if not all(isinstance(one, str) for one in every):
        raise UsageError(f'throttle={shown(expressions)}: expressions such as "file:/run/hold"')
    return check_throttles([str(one) for one in every])


def shown(value: object) -> str:
    """A wrong argument in a message."""
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 3]}..."


def in_python(advice: str) -> str:
    """`advice` of the command line with the names that its options have here."""
    text = ALLOW.sub(lambda found: f"allow={json.dumps(found[1].split(','))}", advice)
    return CONCURRENCY.sub(
        r"concurrency=\1", text.replace("] --write", "], write=True").replace("--write", "write=True")
    )
