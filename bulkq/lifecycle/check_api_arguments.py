"""Check the arguments of the Python API, and give advice with their names."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from bulkq.errors import UsageError
from bulkq.model.shard import Shard, parse_shard
from bulkq.policy.pace import check_nice, parse_rate
from bulkq.policy.safety import ALLOWABLE
from bulkq.text.late_pattern import compile_late
from bulkq.throttles import NO_THROTTLE, check_throttles, check_windows

if TYPE_CHECKING:
    import re

MOST_SECONDS = 2_147_483.0
"""PostgreSQL counts a timeout in milliseconds, in 32 bits."""

MOST_NICE = 100
"""Of `nice`."""

MOST_SHOWN = 80
"""Characters of a wrong argument in a message."""

OPTION = compile_late(
    r"--(over|set|delete|where|key|verify|select|map-timeout|map|apply|capture|param|min-rows|max-rows|max-affected|throttle|critical"
    r"|window|max-rate|nice)\b"
    r"(?: (\d+|\"[^\"]*\"|TABLE|MODULE:FUNCTION|true\b)| COLUMN=EXPR| FILE:NAME| (\w+)=VALUE)?"
)
"""An option that an argument of `Database.backfill` stands for, with its value in a message."""

ALLOW = compile_late(r"--allow ([\w,]+)")
CONCURRENCY = compile_late(r"(?<!\S)-j (\d+)")


def check_numbers(timeout_s: object, retries: object, name: str = "timeout") -> None:
    """Refuse a timeout or a number of retries that is not one; `name` is that of the timeout.

    Raises:
        UsageError: with the value.
    """
    if timeout_s is not None and not (isinstance(timeout_s, int | float) and 0 < timeout_s < MOST_SECONDS):
        raise UsageError(f"{name}={timeout_s!r}: seconds, more than 0, or None for no limit")
    if not isinstance(retries, int) or retries < 0:
        raise UsageError(f"retries={retries!r}: a number, 0 or more")


def check_concurrency(value: object) -> None:
    """Refuse a number of lanes that is not one.

    Raises:
        UsageError: with the value.
    """
    if value != "auto" and (not isinstance(value, int) or value < 1):
        raise UsageError(f'concurrency={value}: must be at least 1, or "auto"')


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
    every = texts(expressions)
    if every is None:
        raise UsageError(f'throttle={shown(expressions)}: expressions such as "file:/run/hold"')
    return check_throttles(every)


class PaceArguments(TypedDict, total=False):
    """The arguments of the Python API for throttles, hours and pace, beside `throttle`."""

    throttle_every: float
    throttle_timeout: float | None
    critical: str | Iterable[str]
    on_critical: Literal["stop", "pause"]
    window: str | Iterable[str]
    nice: float | Literal["auto"]
    max_rate: str | None


def limits_of_pace(throttle: object, pace: PaceArguments, *, backfill: bool = False) -> dict[str, Any]:
    """The fields of `LimitOptions` for `throttle` and the arguments beside it.

    Raises:
        UsageError: a value is wrong.
        TypeError: there is no such argument.
    """
    unknown = sorted(pace.keys() - PaceArguments.__annotations__.keys())
    if unknown:
        raise TypeError(f"unexpected keyword argument '{unknown[0]}'")
    _check_pace(pace)
    critical, windows = texts(pace.get("critical", ())), texts(pace.get("window", ()))
    if critical is None:
        raise UsageError(f'critical={shown(pace["critical"])}: expressions such as "lag<60s"')
    if windows is None:
        raise UsageError(f'window={shown(pace["window"])}: hours such as "22:00-06:00 Europe/Berlin"')
    max_rate = pace.get("max_rate")
    try:
        if max_rate is not None:
            parse_rate(max_rate, backfill=backfill)
        check_nice(pace.get("nice"), backfill=backfill)
        return {
            "throttle": throttles(throttle),
            "target_throttles": texts(throttle) != NO_THROTTLE,
            "throttle_every_s": pace.get("throttle_every"),
            "throttle_timeout_s": pace.get("throttle_timeout"),
            "critical": check_throttles(critical, "--critical"),
            "on_critical": pace.get("on_critical", "stop"),
            "window": check_windows(windows),
            "nice": pace.get("nice"),
            "max_rate": max_rate,
        }
    except UsageError as error:
        raise UsageError(in_python(str(error))) from None


def _check_pace(pace: PaceArguments) -> None:
    for name in ("throttle_every", "throttle_timeout"):
        seconds = pace.get(name)
        if seconds is not None and not (isinstance(seconds, int | float) and 0 < seconds < MOST_SECONDS):
            raise UsageError(f"{name}={shown(seconds)}: seconds, more than 0")
    nice, rate, effect = pace.get("nice", 0.0), pace.get("max_rate"), pace.get("on_critical", "stop")
    number = isinstance(nice, int | float) and not isinstance(nice, bool) and 0 <= nice <= MOST_NICE
    if not number and nice != "auto":
        raise UsageError(f'nice={shown(nice)}: a number from 0 to {MOST_NICE}, or "auto"')
    if rate is not None and not isinstance(rate, str):
        raise UsageError(f'max_rate={shown(rate)}: a text such as "500/s" or "5000rows/s"')
    if effect not in {"stop", "pause"}:
        raise UsageError(f'on_critical={shown(effect)}: "stop" or "pause"')


def texts(value: object) -> tuple[str, ...] | None:
    """One text, or those of an iterable; None if it is neither."""
    every = [value] if isinstance(value, str) else [*value] if isinstance(value, Iterable) else [None]
    found = tuple(one for one in every if isinstance(one, str))
    return found if len(found) == len(every) else None


def check_on_error(on_error: object) -> None:
    """Refuse a value that is neither "raise" nor "collect".

    Raises:
        UsageError: with the value.
    """
    if on_error not in {"raise", "collect"}:
        raise UsageError(f'on_error={on_error!r}: "raise" or "collect"')


def shown(value: object) -> str:
    """A wrong argument in a message."""
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 3]}..."


def in_python(advice: str) -> str:
    """`advice` of the command line with the names that its options have here."""
    text = OPTION.sub(_argument, advice.replace("FILE:NAME with", "query with"))
    text = ALLOW.sub(lambda found: f"allow={json.dumps(found[1].split(','))}", text)
    return CONCURRENCY.sub(
        r"concurrency=\1", text.replace("] --write", "], write=True").replace("--write", "write=True")
    )


def _argument(found: re.Match[str]) -> str:
    """An option of `bulkq backfill` as an argument."""
    name = "query" if found[1] == "apply" else found[1].replace("-", "_")
    if found[3]:
        return f'param={{"{found[3]}": ...}}'
    value = '"true"' if found[2] == "true" else found[2]
    return f"{name}={value}" if value else name


def shard_of(text: object) -> Shard | None:
    """Return the shard of "I/N".

    Raises:
        UsageError: the text is not of this form, or there is no such shard.
    """
    if text is None:
        return None
    if not isinstance(text, str):
        raise UsageError(f'shard={shown(text)}: "I/N", such as "1/3"')
    try:
        return parse_shard(text)
    except ValueError as error:
        raise UsageError(f"shard={shown(text)}: {str(error).removeprefix(f'{text}: ')}") from None
