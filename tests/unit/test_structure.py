"""What holds for the package as a whole: names, sizes, and how little `bulkq --help` imports."""

from __future__ import annotations

import ast
import builtins
import inspect
import os
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

import bulkq
from bulkq import cli
from bulkq.cli.commands import COMMANDS
from tests.support.syntax_trees import nodes, parse_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PACKAGE = Path(bulkq.__file__).parent
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if not {"_migrations", "_sql"} & set(p.relative_to(PACKAGE).parts))
VAGUE = {"utils", "util", "helpers", "helper", "common", "core", "misc"}
HEAVY = {
    "aiosqlite",
    "alembic",
    "asyncio",
    "asyncpg",
    "dataclasses",
    "distributed",
    "importlib.metadata",
    "junitparser",
    "pyarrow",
    "rich",
    "sqlalchemy",
    "sqlglot",
}
LONGEST_FILE = 450
LONGEST_TEST_FILE = 500
LONGER_FILES: dict[str, int] = {}
"""Files that are to be split, with the lines that they may have until then. Remove entries, add none."""

NOUNS = {"column_feed", "heading", "ping"}
"""Names of modules that end like a participle and are nouns."""

PARTICIPLES = {
    "engine/delivery/mapped.py",
    "engine/delivery/ordered.py",
    "engine/delivery/streaming.py",
    "engine/delivery/unordered.py",
}
"""Modules that are named by a participle. Remove entries, add none, but for the deliveries, which are kinds of one thing."""

SPANS = {"bulkq.run.id", "bulkq.run.sets", "bulkq.run.sets.ok", "bulkq.run.throttled_s", "bulkq.outcome"}
NO_MODULES = {"bulkq.toml", "bulkq.css", *SPANS}
"""Names of files, and of attributes of spans, that look like names of modules."""

DATABASES = {"postgresql", "mysql", "sqlite", "duckdb"}
"""First words of modules in the rooms of dialects and adapters."""

STRUCTURE = {"contributing", "imports", "product_names", "structure"}
"""Unit tests of the package as a whole."""

UNTESTED = """
__main__ api/backfill api/database api/open_database api/raise_errors api/rows errors package_data protocols
cli/commands/backfill cli/commands/check cli/commands/completion cli/commands/config cli/commands/demo cli/commands/doctor
cli/commands/ledger cli/commands/lint cli/commands/list cli/commands/plan/backfill
cli/commands/plan/check cli/commands/plan/run
cli/commands/report cli/commands/resume cli/commands/retry cli/commands/run cli/commands/runs cli/commands/targets
cli/commands/undo
cli/completion/answer cli/completion/shells cli/completion/values cli/display/check_history cli/display/shared_plan_lines
cli/print_error cli/messages cli/options/backfill_options
cli/options/check_options
cli/options/option_typed_dicts cli/options/plan_file cli/options/limits cli/options/option cli/options/origins cli/options/output
cli/options/queries cli/options/run_options cli/options/safety cli/options/targets
cli/redirect_library_output cli/signals
dialects/duckdb dialects/mssql dialects/mysql dialects/mysql_row_key_catalog dialects/postgresql_row_key_catalog
dialects/sqlite
drivers/asyncpg/execute_own_statements drivers/asyncpg/attempt drivers/asyncpg/catalog drivers/asyncpg/commit
drivers/asyncpg/connection drivers/asyncpg/driver drivers/asyncpg/translate_errors drivers/asyncpg/lock_wait_errors
drivers/asyncpg/pg_types drivers/asyncpg/prepare drivers/asyncpg/extended_connection drivers/asyncpg/statement
drivers/asyncpg/unsupported_parameters drivers/asyncpg/validate_texts
drivers/optional_connection_methods drivers/bind_parameters drivers/build_reply drivers/check_driver_protocols
drivers/objects_outside_tenant_schema drivers/dbapi/adapter_return_types drivers/dbapi/adapters/base drivers/dbapi/adapters/duckdb
drivers/dbapi/adapters/firebird drivers/dbapi/adapters/mysql_engines drivers/dbapi/adapters/mysql_results
drivers/dbapi/adapters/postgresql drivers/dbapi/adapters/postgresql_cursor
drivers/dbapi/adapters/postgresql_parameters drivers/dbapi/adapters/sqlite drivers/dbapi/attempt_state drivers/dbapi/build_reply
drivers/dbapi/connection drivers/dbapi/cursors drivers/dbapi/driver drivers/dbapi/translate_errors drivers/dbapi/attempt
drivers/dbapi/driver_of_blocking_library drivers/dbapi/pep249 drivers/dbapi/prepare drivers/dbapi/quote_identifiers
drivers/dbapi/try_library drivers/dbapi/blocking_session drivers/dbapi/statement
drivers/dbapi/stream drivers/dbapi/thread_or_greenlet drivers/dbapi/transaction drivers/dbapi/warnings
drivers/leftover_threads drivers/expected_rows drivers/libpq/parameters drivers/libpq/server_settings
drivers/libpq/service_file drivers/libpq/url drivers/lock_order drivers/parameter_limit drivers/prepare_attempt_steps
drivers/postgresql_read_only_errors drivers/sqlite/aiosqlite drivers/sqlite/authorizer drivers/sqlite/connection
drivers/sqlite/insert_marker drivers/sqlite/pysqlite drivers/sqlite/blocking_session drivers/statement_cache drivers/threads
ledger/check_results ledger/check_row_conversion ledger/database_connection ledger/write_statements ledger/explain_errors ledger/file_create ledger/file_upgrade
ledger/file_lock_and_revision ledger/sqlite3_check_history ledger/sqlite3_row_writer ledger/health ledger/migrate ledger/newest_runs ledger/no_record ledger/open
ledger/query_runs ledger/recorder ledger/revision_constants ledger/row_conversion ledger/schema ledger/store ledger/takeover
ledger/upgrade_and_check
lifecycle/backfill/example_ranges lifecycle/backfill/execute
lifecycle/backfill/explain
lifecycle/backfill/rehearse
lifecycle/database_identity lifecycle/execute_run lifecycle/expand_targets lifecycle/finish
lifecycle/open_run lifecycle/preflight lifecycle/query_changes lifecycle/query_files
lifecycle/record lifecycle/request_json lifecycle/resume_state lifecycle/prepare_same_row_write_order
lifecycle/run_fingerprints lifecycle/run_resources lifecycle/part_sources lifecycle/take_over_targets lifecycle/target_markers
lifecycle/statements_by_identifier lifecycle/unreported_failures lifecycle/untyped_parameters lifecycle/check_parameter_values
model/attempt_limits model/attempt_plan model/attempt_steps model/capabilities model/check_conditions
model/check_result model/reply model/run_summary model/server model/row_images model/target
query/error_collector query/placeholders model/text_or_number
reports/escape reports/finding_lines reports/html/check_cards reports/html/charts reports/html/heading
reports/html/history_text reports/html/matrix reports/html/page reports/html/run_sections reports/html/style
reports/target_table
sinks/csv_tsv sinks/discard_rows sinks/extra_columns sinks/json_rows sinks/stream_output
sources/bind_columns sources/column_feed sources/copy_text sources/json_array sources/json_codec sources/json_lines
sources/object_reader_protocol sources/feed_parameter_source sources/quoted_fields sources/slice_batches sources/source_request
sources/spool_codec sources/sql
targets/config targets/config_files targets/connect targets/expectations targets/parse_target_section targets/parameter_rows_from_query
tasks/check/find_differing_rows tasks/check/evaluate tasks/check/git_changes tasks/check/open_check tasks/check/connect_and_plan
tasks/check/build_results tasks/check/run_checks tasks/check/selection tasks/check/sink tasks/check/check_parameter_values
tasks/demo tasks/doctor tasks/ping tasks/plan/plan_checks tasks/plan/plan_backfill tasks/plan/plan_run tasks/plan/prepare_statements tasks/rehearse
tasks/report
tasks/resume tasks/retry tasks/run tasks/server_lint tasks/undo
text/json_text text/mask text/moments
transforms/child transforms/mapper transforms/process_pool
"""
"""Modules without a file of unit tests, which other tests cover. Remove entries, add none; rename those of modules that move."""

LONGEST_BODY = 60  # near 20 is the aim


def trees() -> dict[Path, ast.Module]:
    """What each module says, parsed where a test asks for it: every process of the suite imports this file."""
    return parse_all(MODULES)


TESTS = Path(__file__).parents[1]
UNIT = TESTS / "unit"


def imported(*arguments: str) -> set[str]:
    """Names of the modules that a bulkq process imports."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("COV", "PYTHON", "BULKQ_"))}
    script = "import sys; from bulkq.__main__ import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env, cwd=PACKAGE.parent)
    assert done.stdout
    return {*done.stderr.splitlines()[-1].split()}


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_import_nothing_heavy(option: str) -> None:
    """Help imports Click and nothing that takes long."""
    assert imported(option) & HEAVY == set()


NOT_FOR_A_PLAIN_RUN = (
    "bulkq.checks*",
    "bulkq.dialects.*backfill_catalog",
    "bulkq.dialects.*maintenance*",
    "bulkq.dialects.*row_images",
    "bulkq.dialects.*throttle_signal*",
    "bulkq.engine.delivery.mapped",
    "bulkq.engine.same_row_write_order",
    "bulkq.query.comparison_operands",
    "bulkq.query.key_columns_of_write",
    "bulkq.query.lint",
    "bulkq.reports.write",
    "bulkq.sinks.csv_tsv",
    "bulkq.sinks.table*",
    "bulkq.sources.cross_product",
    "bulkq.sources.json_[alo]*",
    "bulkq.sources.spool*",
    "bulkq.throttles.make_throttles",
    "bulkq.throttles.sql",
    "difflib",
    "sqlalchemy",
    "sqlglot",
)
"""Modules of options that a run does without: importing all of them took a tenth of its start."""


def test_a_run_without_an_executor_imports_nothing_of_workers(tmp_path: Path) -> None:
    """What `--executor` needs costs nothing where it is not used."""
    sqlite3.connect(tmp_path / "t.db").close()
    names = imported("run", "-e", "select 1 as one", "-t", f"sqlite:///{tmp_path}/t.db", "--ledger", "none")
    assert "bulkq.lifecycle.open_executor" in names
    assert {name for name in names if name.startswith(("bulkq.engine.executors.", "dask", "distributed"))} == {
        "bulkq.engine.executors.local"
    }
    assert "statistics" not in names
    assert {name for name in names if any(fnmatch(name, one) for one in NOT_FOR_A_PLAIN_RUN)} == set()


def test_version_is_that_of_the_package() -> None:
    """`bulkq --version` prints the constant."""
    done = subprocess.run([sys.executable, "-m", "bulkq", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"bulkq {bulkq.__version__}\n"


def test_all_is_what_can_be_imported() -> None:
    """`__all__`, `dir()` and the attributes agree, and every name is there."""
    public = {name for name in dir(bulkq) if not name.startswith("_") and not inspect.ismodule(getattr(bulkq, name))}
    assert public == {name for name in bulkq.__all__ if not name.startswith("_")}
    assert sorted(set(bulkq.__all__)) == sorted(bulkq.__all__)


def test_every_public_name_has_a_docstring() -> None:
    """What users import says what it is."""
    without = [name for name in bulkq.__all__ if not name.startswith("_") and not inspect.getdoc(getattr(bulkq, name))]
    assert without == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    """A command says what it does, and so does each of its options."""
    command = cli.program.get_command(click.Context(cli.program), name)
    assert command is not None
    assert command.help
    silent = [p.name for p in command.params if isinstance(p, click.Option) and not p.help and not p.hidden]
    assert silent == []


def test_no_module_is_called_anything() -> None:
    """A name like `utils` invites everything; a room has a name of its own."""
    names = {part for path in MODULES for part in path.relative_to(PACKAGE).with_suffix("").parts}
    assert names & VAGUE == set()


def test_every_module_says_what_it_is_for() -> None:
    """A module begins with a docstring."""
    without = [str(p.relative_to(PACKAGE)) for p, tree in trees().items() if not ast.get_docstring(tree)]
    assert without == []


def test_every_class_and_public_function_has_a_docstring() -> None:
    """Classes, and functions and methods without a leading underscore, say what they are, also in private classes.

    Exempt are functions inside functions, whose one use is in sight, and overloads: the function itself has the docstring.
    """
    without = [f"{path.relative_to(PACKAGE)}:{name}" for path, tree in trees().items() for name in undocumented(tree)]
    assert without == []


def test_no_docstring_names_its_callers() -> None:
    """A docstring says what a thing is or does; an editor finds who calls it."""
    said = [
        f"{path.relative_to(PACKAGE)}: {found[0]}"
        for path, tree in trees().items()
        for text in docstrings(tree)
        if (
            found := re.search(
                r"\b(?:[Cc]alled|[Uu]sed) (?:only )?by\b.*|\b[Mm]ade by `.*|[Tt]he (?:runner|caller) \w+s it\b", text
            )
        )
    ]
    assert said == []


def test_errors_that_are_promised_exist() -> None:
    """Each name in a list of errors that a docstring gives is a class of the package, of a library or of Python."""
    known = {"CancelledError", *vars(builtins)}
    for tree in trees().values():
        known |= {node.name for node in nodes(tree) if isinstance(node, ast.ClassDef)}
        known |= {name.name for node in nodes(tree) if isinstance(node, ast.ImportFrom) for name in node.names}
    lost = {
        f"{path.relative_to(PACKAGE)}: {name}"
        for path, tree in trees().items()
        for text in docstrings(tree)
        for line in re.findall(r"^ +([A-Z]\w+(?:, [A-Z]\w+)*): ", text.partition("Raises:\n")[2], re.MULTILINE)
        for name in line.split(", ")
        if name not in known
    }
    assert lost == set()


def test_modules_that_are_mentioned_exist() -> None:
    """A path or dotted name of the package in the documentation or a docstring leads somewhere."""
    root = PACKAGE.parent
    pages = [*root.glob("*.md"), *root.glob("docs/**/*.md")]
    texts = {str(p.relative_to(root)): [p.read_text()] for p in pages if p.name != "CHANGELOG.md"}
    texts |= {str(p.relative_to(root)): list(docstrings(tree)) for p, tree in trees().items()}
    lost = {f"{where}: {name}" for where, found in texts.items() for text in found for name in lost_names(root, text)}
    assert lost == set()


def test_rooms_list_modules_that_exist() -> None:
    """The table in the docstring of a room names its modules; a word in backquotes is a module or a name in the room's code."""
    lost = {
        f"{path.parent.relative_to(PACKAGE)}: {name}"
        for path, tree in trees().items()
        if path.name == "__init__.py"
        for name in lost_entries(path.parent, ast.get_docstring(tree) or "")
    }
    assert lost == set()


def test_rooms_list_their_modules() -> None:
    """A room whose docstring has a table names every module there; NAME_... of a database stands under the other name."""
    missing = {
        f"{path.parent.relative_to(PACKAGE)}: {name}"
        for path, tree in trees().items()
        if path.name == "__init__.py"
        for name in unlisted_modules(path.parent, ast.get_docstring(tree) or "")
    }
    assert missing == set(), "enter the module in the table of its room's __init__.py"


def test_texts_name_the_actor() -> None:
    """The user, the server or another process: the package and its documentation have no "nobody" and no "whoever"."""
    root = PACKAGE.parent
    pages = [
        p for p in (*root.glob("*.md"), *root.glob("docs/**/*.md")) if p.name not in {"CHANGELOG.md", "CONTRIBUTING.md"}
    ]
    found = [
        f"{path.relative_to(root)}:{number}: {line.strip()}"
        for path in (*MODULES, *pages)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"\b(nobody|whoever|somebody|anybody|everybody)\b", line, re.IGNORECASE)
    ]
    assert found == []


def test_the_glossary_has_each_word_once() -> None:
    """A word has one meaning, so it stands in one line."""
    lines = re.findall(
        r"^\| ([a-z][^|]*) \|", (Path(__file__).parents[2] / "docs/glossary.md").read_text(), re.MULTILINE
    )
    words = [word for line in lines for word in line.split(", ") if word != "word"]
    assert [word for word, count in Counter(words).items() if count > 1] == []


def test_files_can_be_read_in_one_sitting() -> None:
    """No file of the package is longer than the limit."""
    lengths = {str(p.relative_to(PACKAGE)): len(p.read_text().splitlines()) for p in MODULES}
    assert {name: n for name, n in lengths.items() if n > LONGER_FILES.get(name, LONGEST_FILE)} == {}
    assert {name for name in LONGER_FILES if lengths.get(name, 0) <= LONGEST_FILE} == set(), (
        "remove them from LONGER_FILES"
    )


def test_test_files_have_one_subject() -> None:
    """No file of the tests is longer than the limit: split it by subject."""
    lengths = {str(p.relative_to(TESTS)): len(p.read_text().splitlines()) for p in TESTS.rglob("*.py")}
    assert {name: n for name, n in lengths.items() if n > LONGEST_TEST_FILE} == {}


def test_unit_tests_mirror_the_package() -> None:
    """A file of unit tests has the path of the module or the package that it tests."""
    assert unit_tests() - STRUCTURE - modules() - packages() == set()


def test_modules_without_unit_tests_become_fewer() -> None:
    """A new module comes with a file of unit tests."""
    without = modules() - unit_tests()
    assert without - set(UNTESTED.split()) == set(), "write unit tests, or rename the entry of a module that moved"
    assert set(UNTESTED.split()) - without == set(), "remove them from UNTESTED"


def test_no_module_is_named_by_a_participle() -> None:
    """A module is a noun for what it holds, or a verb for one operation."""
    names = {str(p.relative_to(PACKAGE)) for p in MODULES if p.stem.endswith(("ing", "ed")) and p.stem not in NOUNS}
    assert names - PARTICIPLES == set()
    assert PARTICIPLES - names == set(), "remove them from PARTICIPLES"


def test_no_two_classes_have_one_name() -> None:
    """A name of a class means one thing in the whole package; a leading underscore does not count."""
    names = Counter(
        node.name.lstrip("_") for tree in trees().values() for node in nodes(tree) if isinstance(node, ast.ClassDef)
    )
    assert {name for name, count in names.items() if count > 1} == set()


def test_bodies_can_be_seen_at_once() -> None:
    """No function's body is longer than the limit; its docstring does not count."""
    long = {}
    for path, tree in trees().items():
        for node in nodes(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                long[f"{path.relative_to(PACKAGE)}:{node.name}"] = body_length(node)
    assert {name: length for name, length in long.items() if length > LONGEST_BODY} == {}


def test_every_test_says_what_it_shows() -> None:
    """A test has one sentence, so that a failure can be read without its code."""
    silent = []
    for path, tree in parse_all(sorted(TESTS.rglob("test_*.py"))).items():
        classes = (node for node in tree.body if isinstance(node, ast.ClassDef))
        for node in (*tree.body, *(inner for found in classes for inner in found.body)):
            is_test = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_")
            if is_test and not ast.get_docstring(node):
                silent.append(f"{path.relative_to(TESTS)}:{node.name}")
    assert silent == []


def undocumented(node: ast.AST, prefix: str = "") -> Iterator[str]:
    """Classes, and public functions outside functions, that have no docstring."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            overload = any(isinstance(one, ast.Name) and one.id == "overload" for one in child.decorator_list)
            if not overload and not child.name.startswith("_") and not ast.get_docstring(child):
                yield prefix + child.name
        elif isinstance(child, ast.ClassDef):
            if not ast.get_docstring(child):
                yield prefix + child.name
            yield from undocumented(child, f"{prefix}{child.name}.")


def docstrings(tree: ast.AST) -> Iterator[str]:
    """Docstrings, also those below an attribute or a constant."""
    for node in nodes(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.value.value


def lost_names(root: Path, text: str) -> Iterator[str]:
    """Paths of Python files and folders, and dotted names of modules or their members, that are not below `root`."""
    for path in re.findall(r"(?<![\w/.])((?:bulkq|tests|benchmarks)/[\w/]+(?:\.py|/(?![\w.{])))", text):
        if "NAME" not in path and not (root / path).exists():
            yield path
    for name in re.findall(r"(?<![\w/.\-])bulkq(?:\.[a-z]\w*)+", text):
        if name not in NO_MODULES and not leads_somewhere(root, name.split(".")):
            yield name


def unlisted_modules(room: Path, text: str) -> set[str]:
    """Modules that the table in the docstring of a room lacks; none if it has no table."""
    if len(re.findall(r"^ *\w+(?:, \w+)* {2,}\S", text, re.MULTILINE)) < 3:
        return set()
    inside = {path.stem for path in room.glob("*.py")} | {path.parent.name for path in room.glob("*/__init__.py")}
    named = set(re.findall(r"\w+", text)) | {"__init__"}
    of_databases = {
        name for name in inside if name.partition("_")[0] in DATABASES and room.name in {"dialects", "adapters"}
    }
    return inside - named - of_databases


def lost_entries(room: Path, text: str) -> Iterator[str]:
    """Names in the docstring of a room that are neither its modules nor, in backquotes, names in its code."""
    inside = {path.stem if path.suffix == ".py" else path.name for path in room.iterdir()}
    rows = re.findall(r"^ *(\w+(?:, \w+)*) {2,}\S", text, re.MULTILINE)
    rows += re.findall(r"^One module for each \w+: (.*)\.$", text, re.MULTILINE)
    yield from {name for row in rows for name in row.split(", ")} - inside
    left = set(re.findall(r"`([a-z_]+)`", text)) - inside
    code = left and {
        getattr(node, "name", None) or getattr(node, "id", None) or getattr(node, "value", None)
        for path, tree in trees().items()
        if room in path.parents
        for node in nodes(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.alias, ast.Name, ast.Constant))
    }
    yield from left - code


def leads_somewhere(root: Path, parts: Sequence[str]) -> bool:
    """Whether the names are a module, or a module and a word that it contains."""
    for length in range(len(parts), 0, -1):
        base = root.joinpath(*parts[:length])
        module = next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.exists()), None)
        if module is not None:
            return all(re.search(rf"\b{name}\b", module.read_text()) for name in parts[length:])
    return False


def unit_tests() -> set[str]:
    """Paths that the files of unit tests stand for, such as `engine/lane` for `tests/unit/engine/test_lane.py`."""
    files = ((path, path.relative_to(UNIT)) for path in UNIT.rglob("test_*.py"))
    return {(relative.parent / path.stem.removeprefix("test_")).as_posix() for path, relative in files}


def modules() -> set[str]:
    """Paths of the modules, without those that are packages."""
    return {path.relative_to(PACKAGE).with_suffix("").as_posix() for path in MODULES if path.name != "__init__.py"}


def packages() -> set[str]:
    """Paths of the packages."""
    return {path.parent.relative_to(PACKAGE).as_posix() for path in MODULES if path.name == "__init__.py"}


def body_length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement after the docstring to the last."""
    body = node.body[1:] if ast.get_docstring(node, clean=False) else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
