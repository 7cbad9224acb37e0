"""The comment lines above a statement: name, parameters, `@key value`, description."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import field
from typing import TYPE_CHECKING

from bulkq.dialects import DEFAULT
from bulkq.model import Mode
from bulkq.model.check_conditions import Measure
from bulkq.model.frozen_dataclass import mutable
from bulkq.query.backfill_headers import (
    check_function_name,
    check_reads,
    check_select,
    check_where,
    parse_key,
    parse_over,
)
from bulkq.query.check_headers import parse_condition, parse_mask, parse_sample, parse_until
from bulkq.query.requirement_headers import parse_requirements
from bulkq.query.tokens import IDENTIFIER
from bulkq.text.durations import parse_duration
from bulkq.text.late_pattern import compile_late
from bulkq.text.message_parts import quoted, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bulkq.query.error_collector import QueryErrors
    from bulkq.query.tokens import Comment

REPEATABLE = frozenset({"tags", "requires", "param", "verify", "expect", "warn", "fail", "mask", "params"})
"""Keys that may stand in several lines of one query."""

SINGLE = frozenset(
    {
        "mode",
        "timeout",
        "lock_timeout",
        "retries",
        "idempotent",
        "transaction",
        "owner",
        "over",
        "key",
        "where",
        "select",
        "map",
        "capture",
        "batch",
        "sample",
        "until",
    }
)
"""Keys that may stand once."""

KEYS = REPEATABLE | SINGLE

CONDITIONS = frozenset({"expect", "warn", "fail"})
"""Keys whose values are read to the end: a literal in them may hold anything."""

_NAME = compile_late(r"--\s*name\s*:\s*(.*?)\s*$", re.DOTALL)
_TITLE = compile_late(r"([^\W\d][\w-]*)\s*(?:<!|\*!|[\^$!#])?\s*(?:\((.*)\))?\s*(?:<!|\*!|[\^$!#])?", re.DOTALL)
_KEY = compile_late(r"--\s*@([\w-]+)\s*(.*?)\s*$", re.DOTALL)
_LOST = compile_late(r"[\s*#/-]*@\s*(expect|warn|fail|mask|until)\b", re.IGNORECASE)
_WORDED = compile_late(r"--\s*(expect|warn|fail)\b\s*:?\s*(.+)", re.IGNORECASE | re.DOTALL)
_SWALLOWED = compile_late(r"\s@(expect|warn|fail|mask|until)\b\s*(.*)", re.IGNORECASE | re.DOTALL)
_DECLARED = compile_late(r"([^\W\d]\w*)\s*(?::\s*([^=]*?))?\s*(?:=\s*(.*))?", re.DOTALL)


@mutable
class DeclaredParameter:
    """A parameter as a header declares it; `offset` is where it says so."""

    name: str
    offset: int
    type: str | None = None
    default: str | None = None
    has_default: bool = False
    secret: bool = False


@mutable
class Header:
    """The content of the comments above a statement. The typed fields are those of `bulkq.model.Query`."""

    name: str | None
    offset: int
    listed: list[DeclaredParameter] = field(default_factory=list)  # in the name line
    params: list[DeclaredParameter] = field(default_factory=list)  # `@param` lines
    description: str = ""
    metadata: dict[str, tuple[str, ...]] = field(default_factory=dict)
    mode: Mode | None = None
    timeout_s: float | None = None
    no_timeout: bool = False
    lock_timeout_s: float | None = None
    retries: int | None = None
    idempotent: bool | None = None
    transaction: bool | None = None
    batch: int | None = None
    tags: tuple[str, ...] = ()
    dialect: str = DEFAULT


def is_name_line(comment: Comment) -> bool:
    """Whether `comment` is a name line, which starts a query."""
    return comment.alone and _NAME.match(comment.text) is not None


def listed_names(text: str) -> list[str]:
    """Return the names of the name lines in `text`, without parsing its SQL; fast, and exact for files without errors."""
    titles = (_NAME.match(line.strip()) for line in text.splitlines())
    names = (IDENTIFIER.match(title[1]) for title in titles if title)
    return [name[0] for name in names if name]


def find_known_key(comment: Comment) -> str | None:
    """The key of a metadata line that has one of ours; None for any other comment."""
    found = _KEY.match(comment.text) if comment.alone else None
    return found[1] if found and found[1] in KEYS else None


def find_lost_key(comment: Comment, *, inside: bool) -> str | None:
    """A line about a check that has no effect, such as `/* @expect ... */`; None if there is none.

    Without it the check would be another one, and perhaps green. A line that has the form of a header's is lost `inside` a
    statement alone.
    """
    if comment.line and comment.alone and _KEY.match(comment.text) and not inside:
        return None
    text = _plain(comment.text)
    found = next(filter(None, map(_LOST.match, text.splitlines())), None)
    if found:
        return found[1].lower()
    said = [_WORDED.match(text), *map(_SWALLOWED.search, text.splitlines())]
    return next((one[1].lower() for one in said if one and _is_said(one[1].lower(), one[2])), None)


def _plain(text: str) -> str:
    """`text` as it looks: without invisible characters, and with full-width characters as ordinary ones."""
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")


def _is_said(key: str, value: str) -> bool:
    """Whether `value` is what stands behind such a key, and no prose."""
    reader = parse_until if key == "until" else parse_condition
    try:
        reader(value.removesuffix("*/"))
    except ValueError:
        return False
    return True


def read_header(
    title: Comment | None, comments: Iterable[Comment], name: str, complaints: QueryErrors, dialect: str = DEFAULT
) -> Header:
    """Read the header of one query: its name line `title` (else it is `name`), the `comments` above its statement."""
    header = Header(name, title.start if title else 0, dialect=dialect)
    if title:
        _read_title(title, header, complaints)
    described: list[str] = []
    for comment in comments:
        if not comment.line or not comment.text.startswith("--"):
            continue
        key = _KEY.match(comment.text)
        if key:
            _read_key(key[1], key[2], comment.start, header, complaints)
        else:
            described.append(comment.text[2:].strip())
    header.description = "\n".join(described).strip()
    return header


def _read_title(title: Comment, header: Header, complaints: QueryErrors) -> None:
    found = _NAME.match(title.text)
    written = found[1] if found else ""
    parts = _TITLE.fullmatch(written)
    if not parts:
        header.name = None
        complaints.add(
            title.start,
            f'{quoted(written)} is not a query name: write "-- name: some_name" or "-- name: some_name(id: bigint, at)"',
        )
        return
    header.name = parts[1].replace("-", "_")
    for item in _split(parts[2] or ""):
        declared = _declared(item, title.start, complaints)
        if declared and any(d.name == declared.name for d in header.listed):
            complaints.add(title.start, f"parameter {quoted(declared.name)} is declared twice")
        elif declared:
            header.listed.append(declared)


def _split(listed: str) -> Iterator[str]:
    """Cut at commas outside parentheses, brackets and quotes: `a: numeric(10, 2), b = 'x,y'` has two items."""
    item, depth, inside = "", 0, False
    for char in listed:
        inside ^= char == "'"
        depth += 0 if inside else (char in "([") - (char in ")]")
        if char == "," and not inside and not depth:
            yield item.strip()
            item = ""
        else:
            item += char
    if item.strip() or listed.strip():
        yield item.strip()


def _declared(item: str, offset: int, complaints: QueryErrors) -> DeclaredParameter | None:
    parts = _DECLARED.fullmatch(item)
    if not parts or parts[2] == "" or parts[3] == "":
        complaints.add(
            offset, f'{quoted(item)} does not declare a parameter: write "id", "id: bigint" or "id: bigint = 0"'
        )
        return None
    default = parts[3]
    if default is None:
        return DeclaredParameter(parts[1], offset, parts[2])
    return DeclaredParameter(parts[1], offset, parts[2], _default(default), has_default=True)


def _default(written: str) -> str | None:
    """Text of a default: quotes come off, a bare `null` is NULL."""
    if len(written) >= 2 and written[0] == written[-1] == "'":
        return written[1:-1].replace("''", "'")
    return None if written.lower() == "null" else written


def _read_key(key: str, value: str, offset: int, header: Header, complaints: QueryErrors) -> None:
    if key not in KEYS:
        known = ", ".join(f"@{k}" for k in sorted(KEYS))
        complaints.add(offset, f"unknown key @{key}{suggestion(key, KEYS, '@{}') or f' (there are: {known})'}")
        return
    if key in SINGLE and key in header.metadata:
        complaints.add(offset, f"@{key} is given twice: keep one")
        return
    header.metadata[key] = (*header.metadata.get(key, ()), value)
    swallowed = _SWALLOWED.search(f" {value}") if key not in CONDITIONS else None
    if swallowed:
        complaints.add(
            offset,
            f"@{key} {quoted(value)} contains @{swallowed[1].lower()}, which has no effect there: write it on a line of its own",
        )
    elif not value:
        complaints.add(offset, f"@{key} needs a value: {_FORMS.get(key, 'write it after the key')}")
    elif key in _READERS:
        try:
            _READERS[key](value, offset, header)
        except ValueError as wrong:
            complaints.add(offset, f"@{key} {wrong}")


def _mode(value: str, _offset: int, header: Header) -> None:
    header.mode = Mode(_one_of(value, *Mode))


def _timeout(value: str, _offset: int, header: Header) -> None:
    header.timeout_s = parse_duration(value)
    header.no_timeout = header.timeout_s is None


def _lock_timeout(value: str, _offset: int, header: Header) -> None:
    header.lock_timeout_s = parse_duration(value)


def _retries(value: str, _offset: int, header: Header) -> None:
    header.retries = _count(value, 0)


def _batch(value: str, _offset: int, header: Header) -> None:
    header.batch = None if value.lower() == "auto" else _count(value, 1)


def _idempotent(value: str, _offset: int, header: Header) -> None:
    header.idempotent = _one_of(value, "true", "false") == "true"


def _transaction(value: str, _offset: int, header: Header) -> None:
    header.transaction = _one_of(value, "on", "off") == "on"


def _tags(value: str, _offset: int, header: Header) -> None:
    tags = [tag.strip() for tag in value.split(",")]
    if not all(tags):
        raise ValueError(f'{quoted(value)} contains an empty tag: write "nightly, users"')
    header.tags = tuple(dict.fromkeys((*header.tags, *tags)))


def _param(value: str, offset: int, header: Header) -> None:
    name, *words = value.split()
    if not IDENTIFIER.fullmatch(name):
        raise ValueError(f"{quoted(name)} is not a parameter name: use letters, digits and _, without the colon")
    secret = words[-1:] == ["secret"]
    declared = " ".join(words[:-1] if secret else words)
    if not words:
        raise ValueError(f'{quoted(name)} has no type: write "@param {name} bigint"')
    if any(p.name == name for p in header.params):
        raise ValueError(f"{quoted(name)} is declared twice")
    header.params.append(DeclaredParameter(name, offset, declared or None, secret=secret))


def _expect(value: str, _offset: int, header: Header) -> None:
    wanted = parse_condition(value)
    others = [parse_condition(line) for line in header.metadata["expect"][:-1]]
    if wanted.measure is Measure.SAME and any(other.measure is Measure.SAME for other in others):
        raise ValueError(f'{quoted(value)}: a check can be compared with one other query: keep one "same as"')


def _bad(value: str, _offset: int, _header: Header) -> None:
    if parse_condition(value).measure is Measure.SAME:
        raise ValueError(f'{quoted(value)}: "same as" is an expectation: write it after @expect')


def _until(value: str, _offset: int, _header: Header) -> None:
    parse_until(value)


def _sample(value: str, _offset: int, _header: Header) -> None:
    parse_sample(value)


def _mask(value: str, _offset: int, _header: Header) -> None:
    parse_mask(value)


def _requires(value: str, _offset: int, _header: Header) -> None:
    parse_requirements(value)


def _over(value: str, _offset: int, header: Header) -> None:
    parse_over(value, header.dialect)


def _key(value: str, _offset: int, header: Header) -> None:
    parse_key(value, header.dialect)


def _where(value: str, _offset: int, header: Header) -> None:
    check_where(value, header.dialect)


def _verify(value: str, _offset: int, header: Header) -> None:
    check_reads(value, header.dialect)


def _select(value: str, _offset: int, header: Header) -> None:
    check_select(value, header.dialect)


def _map(value: str, _offset: int, _header: Header) -> None:
    check_function_name(value)


def _capture(value: str, _offset: int, _header: Header) -> None:
    _one_of(value, "true", "false")


def _count(value: str, least: int) -> int:
    if not value.isascii() or not value.isdecimal() or len(value) > 9 or int(value) < least:
        raise ValueError(f"{quoted(value)} is not a whole number of {least} or more")
    return int(value)


def _one_of(value: str, *words: str) -> str:
    if value.lower() not in words:
        raise ValueError(
            f"{quoted(value)} is not {', '.join(words[:-1])} or {words[-1]}{suggestion(value, words, '{}')}"
        )
    return value.lower()


_READERS: dict[str, Callable[[str, int, Header], None]] = {
    "mode": _mode,
    "timeout": _timeout,
    "lock_timeout": _lock_timeout,
    "retries": _retries,
    "batch": _batch,
    "idempotent": _idempotent,
    "transaction": _transaction,
    "tags": _tags,
    "param": _param,
    "expect": _expect,
    "warn": _bad,
    "fail": _bad,
    "until": _until,
    "sample": _sample,
    "mask": _mask,
    "requires": _requires,
    "over": _over,
    "key": _key,
    "where": _where,
    "verify": _verify,
    "select": _select,
    "map": _map,
    "capture": _capture,
}

_FORMS = {
    "mode": "read, write, ddl or maintenance",
    "timeout": "a duration such as 30s, or none",
    "lock_timeout": "a duration such as 2s, or none",
    "retries": "a whole number",
    "batch": "a whole number, or auto",
    "idempotent": "true or false",
    "transaction": "on or off",
    "tags": "words separated by commas",
    "param": "a name and a type",
    "params": "a file in the same folder, or range:id=1..10",
    "expect": "a condition such as empty, rows <= 10 or value = 0",
    "warn": "the bad condition, such as rows > 0",
    "fail": "the bad condition, such as rows > 10",
    "until": "a date such as 2026-12-31",
    "sample": "a number of rows",
    "mask": "column names separated by commas",
    "requires": "a requirement such as pg>=16 or extension:NAME",
    "over": "a table",
    "key": "column names separated by commas",
    "where": "a condition such as phone is null",
    "verify": "a SELECT",
    "select": "a SELECT with :range",
    "map": "a function, as MODULE:FUNCTION",
    "capture": "true or false",
}
