"""Select checks: paths, globs, `FILE:NAME`, tags, exclusions, changed files."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from bulkq.errors import QueryFileError, UsageError
from bulkq.lifecycle.query_files import WILD, list_files, match_glob, read_query_file, split_spec
from bulkq.model.check_conditions import Measure
from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bulkq.model import Query


@frozen
class InvalidCheck:
    """A file, or a line of it, that cannot be understood: its check is an error."""

    file: str
    line: int
    message: str  # with `file:line: ` where there is one


@frozen
class ExclusionCounts:
    """How much of what the paths name is no part of it, by the first reason that applies."""

    compared: int = 0  # queries that another one is compared with, and that say nothing themselves
    files: int = 0  # whole files of `--exclude`, which were not read
    excluded: int = 0
    untagged: int = 0
    unchanged: int = 0  # since the revision of `--changed-since`


@frozen
class CheckSelection:
    """What a command line selects."""

    queries: tuple[Query, ...]
    references: Mapping[str, Query]  # of `same as`, by the check's place
    broken: tuple[InvalidCheck, ...]
    variants: Mapping[tuple[str, int], Sequence[Query]]  # of the references, by the place and line of the check
    left_out: ExclusionCounts = ExclusionCounts()


def select(
    specs: Sequence[str],
    *,
    tags: Sequence[str],
    exclude: Sequence[str],
    changed: Callable[[Path], bool] | None,
    dialect: str,
    params: Sequence[str] = (),
    allow_empty: bool = False,
) -> CheckSelection:
    """The checks of `specs`, in the order of the files; what cannot be read is in `broken`, and the rest is still found.

    Args:
        specs: files, folders (`*.sql` in them, recursively), globs, each perhaps with `:NAME`, which may be a glob too.
        tags: keep the checks that have one of these; () keeps all.
        exclude: paths, names or `FILE:NAME` that are left out, as globs.
        changed: says of a file whether its checks are wanted, or those that take their parameters from it; None keeps all.
        dialect: of the SQL.
        params: where the parameters come from that the command line gives to all checks.
        allow_empty: folders and patterns may have nothing, and nothing may have a tag.

    Raises:
        UsageError: a tag that none of the checks has.
    """
    wanted, broken = _find_files(specs, allow_empty=allow_empty)
    found: list[Query] = []
    every: dict[str, tuple[Query, ...]] = {}
    without: Counter[str] = Counter()
    for file, patterns in wanted.items():
        if _excluded(file, "", exclude):
            without["files"] += 1
            continue
        try:
            every[file] = _load(file, dialect)
            found += _named(file, every[file], patterns, allow_empty=allow_empty)
        except UsageError as error:
            broken.extend(_broken(str(error), file))
    references, variants, wrong = _references(found, every, dialect)
    if not (broken or wrong or allow_empty):
        _check_tags(tags, found)
    helpers = {query.place for several in variants.values() for query in several}
    chosen: list[Query] = []
    for query in found_once(found):
        if query.place in helpers and not _says_something(query) and not _by_name(query, wanted):
            reason = "compared"
        else:
            reason = _unwanted(
                query, references.get(query.place), tags=tags, exclude=exclude, changed=changed, params=params
            )
        without[reason] += 1
        if not reason:
            chosen.append(query)
    del without[""]
    return CheckSelection(tuple(chosen), references, (*broken, *wrong), variants, ExclusionCounts(**without))


def _find_files(specs: Sequence[str], *, allow_empty: bool) -> tuple[dict[str, list[str]], list[InvalidCheck]]:
    """Return the files that `specs` name with the names or globs of their checks, and the specs that name none."""
    wanted: dict[str, list[str]] = {}
    spelled: dict[str, str] = {}  # a file that is named in two ways is one
    folders: dict[str, str] = {}
    broken: list[InvalidCheck] = []
    for spec in specs:
        try:
            for file, name in _files(spec, allow_empty=allow_empty):
                wanted.setdefault(spelled.setdefault(_without_links(file, folders), file), []).append(name)
        except UsageError as error:
            broken.extend(_broken(str(error), spec))
    return wanted, broken


def named_files(specs: Sequence[str]) -> list[str]:
    """The files that `specs` name, as far as they can be found."""
    found: list[str] = []
    for spec in specs:
        with contextlib.suppress(UsageError):
            found += [file for file, _ in _files(spec, allow_empty=True)]
    return found


def files_read(selected: CheckSelection, params: Sequence[str]) -> list[str]:
    """The files from which checks, what they are compared with and their parameters come."""
    every = [*selected.queries, *selected.references.values()]
    found = [Path(query.file) for query in every if query.file is not None]
    for query in every:
        found += _parameter_files(query.metadata.get("params", ()), Path(query.file or "").parent)
    return [str(file) for file in (*found, *_parameter_files(params, Path()))]


def _unwanted(
    query: Query,
    reference: Query | None,
    *,
    tags: Sequence[str],
    exclude: Sequence[str],
    changed: Callable[[Path], bool] | None,
    params: Sequence[str],
) -> str:
    """The field of `ExclusionCounts` in which `query` counts; "" if it is chosen."""
    if _excluded(query.file or "", query.name, exclude):
        return "excluded"
    if tags and frozenset(tags).isdisjoint(query.tags):
        return "untagged"
    if changed is not None and not _has_changed(query, reference, changed, params):
        return "unchanged"
    return ""


def found_once(queries: Sequence[Query]) -> list[Query]:
    """Every query once, where its file was selected in two ways. By identity: queries hold what cannot be hashed."""
    return list({id(query): query for query in queries}.values())


def _files(spec: str, *, allow_empty: bool) -> list[tuple[str, str]]:
    """`(file, pattern of names)` of one argument."""
    path, name = _split(spec)
    if WILD.isdisjoint(path) or Path(path).exists():
        files = [path]
    else:
        files = match_glob(path)
        if not files and not allow_empty:
            raise QueryFileError(f'no file matches "{spec}"')
    found = [(file, name) for each in files for file in list_files(each)]
    if not found and not allow_empty:
        raise QueryFileError(f'no .sql file in "{path}"')
    return found


def _without_links(file: str, folders: dict[str, str]) -> str:
    """The path of `file` without links; `folders` keeps those of its folder, which many files share."""
    if Path(file).is_symlink():
        return os.path.realpath(file)
    folder, name = os.path.split(file)
    if folder not in folders:
        folders[folder] = os.path.realpath(folder)
    return os.path.join(folders[folder], name)  # noqa: PTH118 - a Path takes longer than all of this


def _split(spec: str) -> tuple[str, str]:
    """Path and pattern of names; as `FILE:NAME`, where the name may be a glob."""
    file, name = split_spec(spec)
    if name is not None:
        return file, name.replace("-", "_")
    head, colon, tail = spec.rpartition(":")
    wild = colon and head.endswith(".sql") and tail and not Path(spec).exists()
    return (head, tail.replace("-", "_")) if wild else (spec, "*")


def _load(file: str, dialect: str) -> tuple[Query, ...]:
    from bulkq import query as language

    return language.load(read_query_file(file), file, dialect)


def _named(file: str, queries: Sequence[Query], patterns: Sequence[str], *, allow_empty: bool) -> list[Query]:
    from bulkq import query as language

    found: list[Query] = []
    for pattern in patterns:
        matching = [query for query in queries if fnmatchcase(query.name.replace("-", "_"), pattern)]
        if not matching:
            if WILD.isdisjoint(pattern):
                matching = [language.pick(queries, pattern, file)]  # which complains, with the nearest name
            elif not allow_empty:
                raise QueryFileError(f'{file}: no query matches "{pattern}"')
        found += matching
    return found


def _references(
    queries: Sequence[Query], every: dict[str, tuple[Query, ...]], dialect: str
) -> tuple[dict[str, Query], dict[tuple[str, int], Sequence[Query]], list[InvalidCheck]]:
    """What checks are compared with: the first query of the name, and all of them, of which each target has one."""
    from bulkq import query as language

    found: dict[str, Query] = {}
    variants: dict[tuple[str, int], Sequence[Query]] = {}
    broken: list[InvalidCheck] = []
    for query in queries:
        same = next((c for c in language.read_rules(query).expect if c.measure is Measure.SAME), None)
        if same is None:
            continue
        where, name = _split(same.other)
        file = query.file or ""
        if where != same.other:
            file = str(PurePath(file).parent / where)
        else:
            name = same.other
        try:
            if file not in every:
                every[file] = _load(file, dialect)
            several = language.pick_variants(every[file], name, file)
            variants[query.place, query.line] = [_reference(query, one, elsewhere=bool(same.target)) for one in several]
            found[query.place] = several[0]
        except UsageError as error:
            line = f"{query.file}:{query.line}: same as {same.other}: {error}"
            broken.append(InvalidCheck(query.file or "", query.line, line))
    return found, variants, broken


def _reference(query: Query, other: Query, *, elsewhere: bool) -> Query:
    """The query that `query` is compared with, if it takes no parameter that the check has not.

    Raises:
        QueryFileError: it does, or it is the check itself and not `elsewhere`: that would always be green.
    """
    if other.place == query.place and not elsewhere:
        raise QueryFileError("that is the check itself: name another query, or a database with on TARGET")
    known = {parameter.name for parameter in query.parameters}
    missing = [f":{p.name}" for p in other.parameters if p.name not in known]
    if missing:
        raise QueryFileError(f'"{other.name}" needs {", ".join(missing)}, which "{query.name}" does not have')
    return other


def _says_something(query: Query) -> bool:
    return not {"expect", "warn", "fail"}.isdisjoint(query.metadata)


def _by_name(query: Query, wanted: Mapping[str, Sequence[str]]) -> bool:
    """Whether the command line names this very query."""
    return query.name.replace("-", "_") in wanted.get(query.file or "", ())


def _excluded(file: str, name: str, patterns: Sequence[str]) -> bool:
    if not patterns:
        return False
    place = f"{file}:{name}" if name else file
    parents = [str(parent) for parent in PurePath(file).parents]
    for pattern in patterns:
        bare = pattern.rstrip("/").removeprefix("./")
        if any(fnmatchcase(text.removeprefix("./"), bare) for text in (place, name, file, *parents) if text):
            return True
    return False


def _check_tags(tags: Sequence[str], queries: Sequence[Query]) -> None:
    """A tag that was mistyped beside another one would leave checks out without a word."""
    known = sorted({tag for query in queries for tag in query.tags})
    for tag in tags:
        if tag not in known:
            from bulkq.text.message_parts import suggestion

            raise UsageError(
                f'--tag "{tag}": no check has it{suggestion(tag, known)}; there are {", ".join(known) or "no tags"}'
            )


def _has_changed(query: Query, reference: Query | None, changed: Callable[[Path], bool], params: Sequence[str]) -> bool:
    """Whether its file has, one with its parameters, or that of the query that it is compared with."""
    if query.file is None:
        return True
    folder = Path(query.file).parent
    given = params if query.parameters else ()
    if "-" in given:
        return True  # standard input: the content is unknown
    files = [Path(query.file), *_parameter_files(query.metadata.get("params", ()), folder)]
    files += _parameter_files(given, Path())
    if reference is not None and reference.file is not None:
        files.append(Path(reference.file))
    return any(map(changed, files))


def _parameter_files(specs: Sequence[str], folder: Path) -> list[Path]:
    """Those of `-p` and `@params` that are files, or queries in one."""
    files = [spec for spec in specs if not spec.startswith(("range:", "sql:")) and spec != "-"]
    return [folder / (_split(spec[1:])[0] if spec.startswith("@") else spec) for spec in files]


def _broken(message: str, file: str) -> list[InvalidCheck]:
    """One error per line of a message whose lines each stand alone."""
    found = []
    for text in message.splitlines():
        place, _, _ = text.removeprefix(f"{file}:").partition(":")
        line = int(place) if text.startswith(f"{file}:") and place.isdecimal() else 1
        found.append(InvalidCheck(file, line, text))
    return found
