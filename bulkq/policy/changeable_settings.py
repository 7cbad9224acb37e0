"""The settings of a run that can be changed while it works: keys, values, bounds. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bulkq.errors import UsageError
from bulkq.model.frozen_dataclass import frozen
from bulkq.policy.auto_concurrency import MOST
from bulkq.policy.gentle_pace import AUTO
from bulkq.policy.pace import Rate, parse_rate
from bulkq.policy.throttle_expressions import SIGNALS, ThrottleExpression, parse_expression
from bulkq.text.durations import exact_duration, parse_duration
from bulkq.text.message_parts import quoted, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MOST_NICE = 100.0
LONGEST_AIM_S = 3600.0
MOST_ROWS = 10**9
MOST_BATCH = 10**6

THROTTLE = "throttle."
"""Begins the key of the limit of a throttle: `throttle.lag`."""

SettingValue = int | float | Rate | ThrottleExpression | None


@frozen
class RunSetting:
    """A setting with its new value.

    Attributes:
        key: of `KEYS`, or `throttle.NAME`.
        value: None switches a limit off, and leaves `concurrency`, `batch` and `nice` to bulkq.
        text: the value for people, which `parse_settings` reads back.
    """

    key: str
    value: SettingValue
    text: str


@frozen
class SettingForm:
    """How a setting is written.

    Attributes:
        usage: an example, for messages.
        read: its value from a text; is told whether the run is a backfill.
        runs: runs with parameter sets have it.
        backfills: backfills have it.
    """

    usage: str
    read: Callable[[str, bool], tuple[SettingValue, str]]
    runs: bool = True
    backfills: bool = True


def parse_settings(words: Sequence[str], *, backfill: bool) -> tuple[RunSetting, ...]:
    """Parse `concurrency=4`, `rate=500/s`, `throttle.lag=5s`.

    Args:
        words: as typed.
        backfill: the run is a backfill, which has other settings.

    Raises:
        UsageError: a key or a value is not valid, or a key is there twice; one line with what would be.
    """
    if not words:
        raise UsageError(f"set: nothing to set: write KEY=VALUE, for example {_usages(backfill)}")
    found: dict[str, RunSetting] = {}
    for word in words:
        key, equals, value = word.partition("=")
        key = check_key(key.strip(), backfill=backfill)
        if not equals or not value.strip():
            raise UsageError(f"set {quoted(word)}: the value is missing: write {_usage(key)}")
        if key in found:
            raise UsageError(f"set {key}: it is there twice: give it once")
        found[key] = _parse(key, value.strip(), backfill)
    return tuple(found.values())


def check_key(key: str, *, backfill: bool) -> str:
    """Return `key` if there is such a setting.

    Raises:
        UsageError: there is none; the message names those that there are.
    """
    if key.startswith(THROTTLE):
        return key
    form = KEYS.get(key)
    known = [name for name, one in KEYS.items() if (one.backfills if backfill else one.runs)]
    if form is None:
        raise UsageError(
            f"unknown setting {quoted(key)}{suggestion(key, [*known, THROTTLE + 'NAME'])}: use {', '.join(known)}, throttle.NAME"
        )
    if key not in known:
        whose = "a backfill has none: use max-rows" if backfill else "only a backfill has it"
        raise UsageError(f"setting {key}: {whose}")
    return key


def _parse(key: str, value: str, backfill: bool) -> RunSetting:
    if key.startswith(THROTTLE):
        return _throttle(key, value)
    try:
        return RunSetting(key, *KEYS[key].read(value, backfill))
    except ValueError as error:
        raise UsageError(f"set {key}={value}: {error}: write {_usage(key)}") from None


def _throttle(key: str, value: str) -> RunSetting:
    name = key.removeprefix(THROTTLE)
    signal = name.partition("(")[0]
    form = SIGNALS.get(signal)
    if form is None:
        limited = [one for one, known in SIGNALS.items() if known.units]
        raise UsageError(
            f"set {key}: unknown signal {quoted(signal)}{suggestion(signal, limited)}: use {', '.join(limited)}"
        )
    if not form.units:
        raise UsageError(f"set {key}: {signal} has no limit that could be changed")
    return RunSetting(key, parse_expression(f"{name}<{value}", "set throttle"), value)


def _usage(key: str) -> str:
    return "throttle.lag=5s" if key.startswith(THROTTLE) else KEYS[key].usage


def _usages(backfill: bool) -> str:
    return ", ".join(form.usage for form in KEYS.values() if (form.backfills if backfill else form.runs))


def _whole(text: str, most: int) -> int:
    if not re.fullmatch(r"\d{1,18}", text, re.ASCII) or not 1 <= int(text) <= most:
        raise ValueError(f"it is not a whole number from 1 to {most}")
    return int(text)


def _count(most: int, word: str = "auto") -> Callable[[str, bool], tuple[SettingValue, str]]:
    def read(text: str, backfill: bool) -> tuple[SettingValue, str]:
        del backfill
        if word and text == word:
            return None, word
        number = _whole(text, most)
        return number, str(number)

    return read


def _rate(text: str, backfill: bool) -> tuple[SettingValue, str]:
    if text == "none":
        return None, text
    try:
        return parse_rate(text, backfill=backfill), text
    except UsageError as error:
        raise UsageError(f"set rate={text}: {str(error).removeprefix('--max-rate ')}") from None


def _nice(text: str, backfill: bool) -> tuple[SettingValue, str]:
    if text == AUTO and backfill:
        return None, text
    if not re.fullmatch(r"\d{1,3}(\.\d{1,6})?", text, re.ASCII) or float(text) > MOST_NICE:
        raise ValueError(f"it is not a number from 0 to {MOST_NICE:g}{' or auto' if backfill else ''}")
    return float(text), f"{float(text):g}"


def _aim(text: str, backfill: bool) -> tuple[SettingValue, str]:
    del backfill
    seconds = parse_duration(text)
    if seconds is None or not 0.001 <= seconds < LONGEST_AIM_S:
        raise ValueError("it is not a time from 1ms to less than 1h")
    return seconds, exact_duration(seconds)


KEYS: Mapping[str, SettingForm] = {
    "concurrency": SettingForm("concurrency=4 or concurrency=auto", _count(MOST)),
    "rate": SettingForm("rate=500/s, rate=5000rows/s or rate=none", _rate),
    "nice": SettingForm("nice=0.5", _nice),
    "batch": SettingForm("batch=100 or batch=auto", _count(MOST_BATCH), backfills=False),
    "target-time": SettingForm("target-time=500ms", _aim, runs=False),
    "min-rows": SettingForm("min-rows=10", _count(MOST_ROWS, ""), runs=False),
    "max-rows": SettingForm("max-rows=5000", _count(MOST_ROWS, ""), runs=False),
}
"""Every setting but the limits of throttles."""
