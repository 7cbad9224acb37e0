"""The ready questions: files of `sql/diagnostics/`, one question in each, with a folder for each database.

The name of a file is that of its queries, which are variants of one question. Its first tag is the subject, and the first line of
its description is the title.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from bulkq import query as language
from bulkq.dialects import dialect_for
from bulkq.errors import RefusedError, UsageError, join_errors
from bulkq.lifecycle.query_files import WILD, choose_queries, read_query_file
from bulkq.model.frozen_dataclass import frozen
from bulkq.package_data import find
from bulkq.query.requirement_headers import requirements
from bulkq.text.message_parts import suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bulkq.model import Query

FOLDER = "diagnostics"


@frozen
class Question:
    """A ready question about one database.

    Attributes:
        database: name of its folder.
        queries: its variants, one or more, all of one name.
    """

    database: str
    queries: tuple[Query, ...]

    @property
    def name(self) -> str:
        """By which the command line selects it."""
        return self.queries[0].name

    @property
    def subject(self) -> str:
        """By which the list is sorted."""
        return self.queries[0].tags[0]

    @property
    def title(self) -> str:
        """What it asks, in one line."""
        return self.queries[0].description.partition("\n")[0]

    @property
    def requires(self) -> tuple[str, ...]:
        """The requirements of each variant, as one line each."""
        return tuple(", ".join(one.text for one in requirements(query)) for query in self.queries)


def databases(dialects: Sequence[str] | None = None) -> list[str]:
    """The folders with questions, those of some `dialects` (as `dialect_of` names them), or all."""
    folders = sorted(path.name for path in (find("sql") / FOLDER).iterdir() if path.is_dir())
    wanted = None if dialects is None else {dialect_for(name).name for name in dialects}
    return [name for name in folders if wanted is None or dialect_for(name).name in wanted]


def names(dialects: Sequence[str] | None = None) -> list[str]:
    """The names of all questions for databases of `dialects`, or for any, sorted; no file is read."""
    return sorted({path.stem for folder in databases(dialects) for path in _files(folder)})


def load_questions(database: str, patterns: Sequence[str] = ("*",)) -> list[Question]:
    """The questions of a folder whose names match one of `patterns`, by subject and name."""
    found = [_load(database, path) for path in _files(database) if _matches(path.stem, patterns)]
    return sorted(found, key=lambda question: (question.subject, question.name))


def select_queries(words: Sequence[str], dialects: Sequence[str]) -> tuple[Query, ...]:
    """The queries that `words` select for databases of `dialects`, in the order of the words, each once.

    Args:
        words: names of questions (which may be patterns), or files of the user, each perhaps with `:NAME`.
        dialects: of the targets, as `dialect_of` names them.

    Raises:
        UsageError: one line for each word that selects nothing, with the nearest name.
    """
    folders, known = databases(dialects), names(dialects)
    found: list[Query] = []
    errors: list[str] = []
    for word in words:
        name = word.replace("-", "_")
        if _is_file(word):
            found += choose_queries([word], (), dialects[0])
        elif any(_matches(one, [name]) for one in known):
            found += [q for folder in folders for one in load_questions(folder, [name]) for q in one.queries]
        else:
            errors.append(_unknown(word, name, databases(dialects), known))
    if errors:
        raise join_errors(UsageError, errors)
    return tuple({(query.file, query.sql): query for query in found}.values())


def select_all(dialects: Sequence[str], subjects: Sequence[str]) -> tuple[Query, ...]:
    """The queries of all questions for databases of `dialects` that have one of the tags `subjects`, or of all.

    Raises:
        UsageError: a tag that no question has, or no question for these databases.
    """
    every = [question for folder in databases(dialects) for question in load_questions(folder)]
    if not every:
        raise UsageError(f"there are no questions for {', '.join(dialects)}: they are for {', '.join(databases())}")
    known = sorted({tag for question in every for tag in question.queries[0].tags})
    for tag in subjects:
        if tag not in known:
            raise UsageError(f'--tag "{tag}": no question has it{suggestion(tag, known)}; there are {", ".join(known)}')
    wanted = [one for one in every if not subjects or not set(subjects).isdisjoint(one.queries[0].tags)]
    return tuple(query for question in wanted for query in question.queries)


def eject(names: Sequence[str], folder: Path, dialects: Sequence[str] | None) -> list[Path]:
    """Write the files of questions into `folder`, which is made if it is missing. All of them or none.

    Args:
        names: of questions.
        folder: of the user.
        dialects: of the databases that they are for; None for those of any, if a name is in one folder only.

    Returns:
        The files, in the order of `names`.

    Raises:
        UsageError: there is no such question, or several; the folder cannot be written.
        RefusedError: a file of that name is there.
    """
    sources = [_only(name.replace("-", "_"), databases(dialects)) for name in names]
    written = [folder / path.name for path in sources]
    there = [path for path in written if path.exists()]
    if there:
        raise RefusedError("\n".join(f'"{path}" exists: remove it, or name another folder with --to' for path in there))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for source, path in zip(sources, written, strict=True):
            with path.open("x", encoding="utf-8") as file:
                file.write(source.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f'cannot write to "{folder}": {(error.strerror or str(error)).lower()}') from error
    return written


def _unknown(word: str, name: str, folders: Sequence[str], known: Sequence[str]) -> str:
    """The line for a word of the user that selects none of the `known` questions; `name`: as questions are named."""
    others = [folder for folder in databases() if any(_matches(path.stem, [name]) for path in _files(folder))]
    if others:
        return f'the question "{word}" is for {", ".join(others)}, not for {", ".join(folders) or "this one"}: leave it out'
    return f'no question "{word}"{suggestion(name, known)}: bulkq diag list shows them'


def _only(name: str, folders: Sequence[str]) -> Path:
    every = [path for folder in folders for path in _files(folder)]
    found = [path for path in every if path.stem == name]
    if not found:
        raise UsageError(_unknown(name, name, folders, sorted({path.stem for path in every})))
    if len(found) > 1:
        named = ", ".join(path.parent.name for path in found)
        raise UsageError(f'the question "{name}" is there for {named}: name a target of that database with -t')
    return found[0]


def _files(database: str) -> list[Path]:
    return sorted((find("sql") / FOLDER / database).glob("*.sql"))


def _load(database: str, path: Path) -> Question:
    shown = f"{FOLDER}/{database}/{path.name}"  # the same on every machine, for reports and the history of checks
    return Question(database, language.load(read_query_file(str(path)), shown, dialect_for(database).name))


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _is_file(word: str) -> bool:
    return "/" in word or word.partition(":")[0].endswith(".sql") or (not WILD.isdisjoint(word) and ".sql" in word)
