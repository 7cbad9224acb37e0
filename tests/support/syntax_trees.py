"""What Python files say, parsed once in a process: several tests look through the whole package."""

from __future__ import annotations

import ast
import gc
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def parse_all(paths: Iterable[Path]) -> dict[Path, ast.Module]:
    """The syntax tree of each file.

    Nothing is looked for garbage meanwhile: a tree has none, and to look through a million nodes takes three times as long as to make them.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        return {path: _parse(path) for path in paths}
    finally:
        gc.freeze()  # they stay
        if enabled:
            gc.enable()


@cache
def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def nodes(tree: ast.AST) -> list[ast.AST]:
    """All nodes of a tree."""
    return list(ast.walk(tree))
