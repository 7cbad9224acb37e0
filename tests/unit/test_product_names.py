"""No module but `dialects`, `drivers` and `text/pg_text` names a database product: other rooms ask what is true of it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import bulkq

PACKAGE = Path(bulkq.__file__).parent
ROOMS = ("dialects/", "drivers/", "ledger/")
"""The ledger is a database itself, in a file or on a server: it talks to its own."""

PRODUCTS = ("postgres(ql)?", "mysql", "mariadb", "sqlite", "duckdb", "firebird", "asyncpg", "aiosqlite")
NAME = re.compile(rf"(^|_)({'|'.join(PRODUCTS)})(_|$)", re.IGNORECASE)
"""In an identifier, or as a whole string. Help, messages and examples of URLs are for people, and may name what they like."""

STATE = re.compile(r"SQLITE_\w+")

STILL = {
    "api.py": 2,
    "cli/commands/doctor.py": 2,
    "cli/commands/plan.py": 4,
    "cli/completion/values.py": 6,
    "cli/options/build_run.py": 1,
    "lifecycle/untyped_parameters.py": 1,
    "lifecycle/write_order.py": 19,
    "query/files.py": 2,
    "query/key_columns.py": 2,
    "query/lint.py": 2,
    "query/operands.py": 1,
    "query/references.py": 1,
    "query/row_keys.py": 10,
    "query/tokens.py": 4,
}
"""Modules that still do, and how often. A number may only fall."""


def named(path: Path) -> list[str]:
    """Products that a module names outside docstrings and comments."""
    tree = ast.parse(path.read_text())
    return [f"{node.lineno}: {text}" for node in ast.walk(tree) if (text := _text(node)) and _is_product(text)]


def _text(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=text) | ast.Attribute(attr=text) | ast.FunctionDef(name=text) | ast.ClassDef(name=text):
            return text
        case ast.arg(arg=text) | ast.keyword(arg=str(text)):
            return text
        case _:
            return ""


def _is_product(text: str) -> bool:
    return (text.isidentifier() and NAME.search(text) is not None) or STATE.fullmatch(text) is not None


def test_no_other_room_names_a_product() -> None:
    """A fact about a database has one home, so a new database is one module."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = str(path.relative_to(PACKAGE))
        if name.startswith((*ROOMS, "_")) or name == "text/pg_text.py":
            continue
        lines = named(path)
        if len(lines) > STILL.get(name, 0):
            found[name] = lines
    assert found == {}


def test_exceptions_are_needed() -> None:
    """The list of exceptions shrinks with what it excepts."""
    assert [name for name in STILL if not named(PACKAGE / name)] == []
