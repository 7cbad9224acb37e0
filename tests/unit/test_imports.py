"""Which modules of the package import which: no circle, neither when they are loaded nor for their types.

Every import counts, wherever it stands: at the top of a module, under `TYPE_CHECKING`, in a function. A module also imports
the packages around what it imports, because Python executes their `__init__` first; the packages that it is in itself do
not count, because it cannot be loaded without them.
"""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import bulkq
from tests.support.syntax_trees import nodes, parse_all

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(bulkq.__file__).parent


def name_of(path: Path) -> str:
    """The dotted name of a module of the package."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in PACKAGE.rglob("*.py") if not {"_migrations", "_sql"} & set(path.parts)}


def named(tree: ast.AST) -> Iterator[str]:
    """Every name that `tree` imports, with the modules that they may be in."""
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "write imports in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports(module: str, tree: ast.AST) -> set[str]:
    """The modules of the package that `module` imports."""
    found = set()
    for name in named(tree):
        target = name if name in MODULES else name.rpartition(".")[0]
        while target in MODULES:
            found.add(target)
            target = target.rpartition(".")[0]
            if module == target or module.startswith(f"{target}."):
                break
    return found - {module}


def circle(graph: dict[str, set[str]]) -> list[str]:
    """A circle in `graph`, from a module to itself; [] if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found[::-1]
    return []


@pytest.mark.parametrize(
    ("module", "line", "expected"),
    [
        ("bulkq.api", "import bulkq.text.urls", {"bulkq.text", "bulkq.text.urls"}),
        ("bulkq.text.urls", "from bulkq.text.message_parts import quoted", {"bulkq.text.message_parts"}),
        ("bulkq.text.urls", "from bulkq.text import message_parts", {"bulkq.text.message_parts"}),
        ("bulkq.query.parse_queries", "from bulkq.query import lint_query", {"bulkq.query"}),
        ("bulkq.sources.sql", "if TYPE_CHECKING:\n    from bulkq.query import Query", {"bulkq.query"}),
        ("bulkq.api", "import asyncio", set()),
    ],
)
def test_what_counts_as_an_import(module: str, line: str, expected: set[str]) -> None:
    """A module imports what it names, and the packages around it that it is not in."""
    assert imports(module, ast.parse(line)) == expected


def test_a_circle_is_found() -> None:
    """The check sees a circle and names its modules."""
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) in (["b", "c", "b"], ["c", "b", "c"])
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []


def test_no_modules_import_one_another_in_a_circle() -> None:
    """Each module can be read, and loaded, after those that it imports."""
    trees = parse_all(MODULES.values())
    graph = {module: imports(module, trees[path]) for module, path in MODULES.items()}
    assert circle(graph) == []
