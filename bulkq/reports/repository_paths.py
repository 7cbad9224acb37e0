"""Paths of query files relative to their repository, as CI systems expect them."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

INLINE = "command-line.sql"
"""For SQL of `--sql`: readers of SARIF and of code quality reject a finding without a file."""

TOPS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR", "WORKSPACE", "BUILD_SOURCESDIRECTORY")
"""Where GitHub, GitLab, Jenkins and Azure have put the repository."""


def repository_path(file: str | None) -> str:
    """`sub/checks/orders.sql` for `checks/orders.sql` typed in `sub`; as typed where it is outside of the repository."""
    if file is None:
        return INLINE
    whole = Path(os.path.abspath(file))  # noqa: PTH100 - resolve() would follow links, and the repository has the link
    top = _top(whole)
    if top is None:
        return PurePath(os.path.normpath(file)).as_posix()
    return whole.relative_to(top).as_posix()


def _top(whole: Path) -> Path | None:
    """The folder of the repository, or the working folder, whichever first holds `whole`."""
    named = [Path(folder) for name in TOPS if (folder := os.environ.get(name))]
    around = [folder for folder in whole.parents if os.path.exists(folder / ".git")][:1]  # noqa: PTH110 - exists() raises on odd names
    return next((top for top in (*named, *around, Path.cwd()) if whole.is_relative_to(top)), None)
