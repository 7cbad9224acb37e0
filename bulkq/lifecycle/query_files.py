"""Read the queries that paths and `-e` name. Each file that cannot be read is one line of the error."""

from __future__ import annotations

import os
import stat
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from bulkq.errors import MOST_LINES, QueryFileError, UsageError, join_errors
from bulkq.text.message_parts import find_nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bulkq.model import Query

WILD = frozenset("*?[")


def choose_queries(specs: Sequence[str], texts: Sequence[str], dialect: str) -> tuple[Query, ...]:
    """The queries of a command line: those of `FILE` or `FILE:NAME`, in that order, then those of `-e`.

    Raises:
        UsageError: one line per file that cannot be read or understood, or per name that is not in it.
    """
    from bulkq import query as language

    found: list[Query] = []
    errors: list[str] = []
    for spec in specs:
        file, name = split_spec(spec)
        try:
            queries = language.load(read_query_file(file), file, dialect)
            found += queries if name is None else language.pick_variants(queries, name, file)
        except UsageError as error:
            errors += str(error).splitlines()
    for text in texts:
        try:
            found.append(_inline(text, dialect, len(found) if len(texts) > 1 else None))
        except UsageError as error:
            errors += str(error).splitlines()
    if errors:
        raise join_errors(UsageError, dict.fromkeys(errors))
    return tuple(found)


def load_all(paths: Sequence[str], dialect: str) -> tuple[list[Query], list[str]]:
    """All queries of files and folders (`*.sql`, recursively), and one line for each thing that could not be read."""
    from bulkq import query as language

    found: list[Query] = []
    errors: list[str] = []
    for path in paths:
        try:
            for file in sql_files(path):
                try:
                    found += language.load(read_query_file(file), file, dialect)
                except UsageError as error:
                    errors += str(error).splitlines()
        except UsageError as error:
            errors.append(str(error))
    return found, list(dict.fromkeys(errors))


def lines_of(errors: Iterable[str]) -> list[str]:
    """At most `MOST_LINES` of `errors`, and how many more there are."""
    return str(join_errors(UsageError, errors)).splitlines()[: MOST_LINES + 1]


def sql_files(path: str) -> list[str]:
    """`path` itself, or the `.sql` files under it, sorted.

    Raises:
        QueryFileError: there is none, or a folder cannot be read.
    """
    files = list_files(path)
    if not files:
        raise QueryFileError(f'no .sql file in "{path}"')
    return files


def list_files(path: str) -> list[str]:
    """`path` itself, or the `.sql` files under it, sorted, through links to folders too; no matter whether they can be read.

    Raises:
        QueryFileError: a folder cannot be read, or holds a pipe or a device by such a name: reading it might never end.
    """
    if not Path(path).is_dir():
        return [path]
    found: list[str] = []
    seen: set[Path] = set()
    for folder, below, files in os.walk(path, onerror=_unreadable, followlinks=True):
        here = Path(folder).resolve()
        if here in seen:
            below.clear()  # a link that leads back up
            continue
        seen.add(here)
        found += [str(Path(folder, file)) for file in files if file.lower().endswith(".sql")]
    for file in found:
        _want_file(file)
    return sorted(found)


def match_glob(pattern: str) -> list[str]:
    """The paths that a glob names, sorted. As `glob.glob`, which leaves out without a word what it cannot read.

    Raises:
        QueryFileError: a folder that the pattern leads through cannot be read, or it names a pipe or a device.
    """
    found = sorted(set(_expanded("", Path(pattern).parts, set())))
    for path in found:
        if not Path(path).is_dir():
            _want_file(path)
    return found


def _expanded(folder: str, parts: Sequence[str], seen: set[tuple[str, Path]]) -> Iterator[str]:
    """What `parts` of a pattern name below `folder`; `seen` are the places from which a `**` went down."""
    if not parts:
        yield folder
        return
    part, rest = parts[0], parts[1:]
    if part == "**":
        place = "/".join(parts), Path(folder).resolve()
        if place not in seen:  # no link that leads back up
            seen.add(place)
            yield from _expanded(folder, rest or ["*"], seen)
            for path in _listed(folder, "*"):
                if _stands(path, folder=True):
                    yield from _expanded(path, parts, seen)
        return
    for path in [str(Path(folder, part))] if WILD.isdisjoint(part) else _listed(folder, part):
        if _stands(path, folder=bool(rest)):
            yield from _expanded(path, rest, seen)


def _listed(folder: str, pattern: str) -> list[str]:
    """The entries of `folder` that `pattern` names; hidden ones only where it begins with a dot."""
    try:
        entries = list(Path(folder).iterdir())
    except OSError as error:
        _unreadable(error)
    hidden = pattern.startswith(".")
    return [str(e) for e in entries if fnmatch(e.name, pattern) and (hidden or not e.name.startswith("."))]


def _stands(path: str, *, folder: bool) -> bool:
    """Whether there is something called `path`, a link that leads nowhere too; with `folder`, whether it is one."""
    try:
        return stat.S_ISDIR(Path(path).stat().st_mode) if folder else bool(Path(path).lstat())
    except PermissionError as error:
        _unreadable(error)
    except OSError:
        return False


def _unreadable(error: OSError) -> NoReturn:
    raise QueryFileError(f'cannot read the folder "{error.filename}": {(error.strerror or str(error)).lower()}')


def _want_file(path: str) -> None:
    """Refuse what only a command line that names it may mean, such as a shell's `<(...)`."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return  # reading it raises an error with the reason
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise QueryFileError(f'"{path}" is not a regular file: remove it from the folder, or name the file itself')


def split_spec(spec: str) -> tuple[str, str | None]:
    """`FILE:NAME` into its parts; a file that exists under the whole name is that file."""
    file, colon, name = spec.rpartition(":")
    if not colon or not file or not name.isidentifier() or Path(spec).exists():
        return spec, None
    return file, name


def read_query_file(file: str) -> str:
    """The text of a query file.

    Raises:
        QueryFileError: no such file (with the nearest name), a folder, not UTF-8, not readable, or nothing in it.
    """
    path = Path(file)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        if path.is_symlink():
            raise QueryFileError(f'"{file}" is a broken link to "{path.readlink()}"') from None
        raise QueryFileError(f'no such file: "{file}"{_nearest(path)}') from None
    except IsADirectoryError:
        raise QueryFileError(f'"{file}" is a folder: name a file in it{_first_inside(path)}') from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise QueryFileError(f'cannot read "{file}": {reason.lower()}') from None
    text = _decode(file, data)
    if not text.strip():
        raise QueryFileError(f'{file}:1: the file is empty: write a query, or name one with "-- name: ..."')
    return text


def _decode(file: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise QueryFileError(
            f"{file}:{line}: byte 0x{data[error.start]:02x} is not UTF-8: save the file as UTF-8"
        ) from None


def _inline(text: str, dialect: str, number: int | None) -> Query:
    from bulkq import query as language

    if not text.strip():
        raise UsageError('-e "": write a query, for example -e "select 1"')
    query = language.inline(text, dialect)
    if number is None:
        return query
    from dataclasses import replace

    return replace(query, name=f"sql_{number + 1}") if query.name == "sql" else query


def _nearest(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.suffix == ".sql"]
    except OSError:
        return ""
    near = find_nearest(path.name, names)
    return f" (did you mean {path.parent / near}?)" if near else ""


def _first_inside(path: Path) -> str:
    files = sorted(path.glob("*.sql"))
    return f", for example {files[0]}" if files else ""
