"""No module but `dialects`, `drivers` and `text/pg_text` names a database product: other rooms ask what is true of it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import bulkq
from tests.support.syntax_trees import nodes, parse_all

PACKAGE = Path(bulkq.__file__).parent
ROOMS = ("dialects/", "drivers/", "ledger/")
"""The ledger is a database itself, in a file or on a server: it talks to its own."""

PRODUCTS = ("postgres(ql)?", "mysql", "mariadb", "sqlite", "duckdb", "firebird", "asyncpg", "aiosqlite")
NAME = re.compile(rf"(^|_)({'|'.join(PRODUCTS)})(_|$)", re.IGNORECASE)
"""In an identifier, or as a whole string. Help, messages and examples of URLs are for people, and may name what they like."""

STATE = re.compile(r"SQLITE_\w+")


def named(tree: ast.AST) -> list[str]:
    """Products that a module names outside docstrings and comments."""
    return [f"{node.lineno}: {text}" for node in nodes(tree) for text in _texts(node) if _is_product(text)]


def _texts(node: ast.AST) -> list[str]:
    match node:
        case ast.ImportFrom(module=str(module)):
            return module.split(".")
        case ast.alias(name=name):
            return name.split(".")
        case ast.Constant(value=str(text)):
            return [text]
        case ast.Name(id=text) | ast.Attribute(attr=text) | ast.FunctionDef(name=text) | ast.ClassDef(name=text):
            return [text]
        case ast.arg(arg=text) | ast.keyword(arg=str(text)):
            return [text]
        case _:
            return []


def _is_product(text: str) -> bool:
    return (text.isidentifier() and NAME.search(text) is not None) or STATE.fullmatch(text) is not None


def test_no_other_room_names_a_product() -> None:
    """A fact about a database has one home, so a new database is one module."""
    found = {}
    for path, tree in parse_all(sorted(PACKAGE.rglob("*.py"))).items():
        name = str(path.relative_to(PACKAGE))
        if name.startswith((*ROOMS, "_")) or name == "text/pg_text.py":
            continue
        lines = named(tree)
        if lines:
            found[name] = lines
    assert found == {}
