"""Where the files that come with bulkq are: in the wheel beside the modules, in an editable install in the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from bulkq.errors import UsageError

PACKAGE = Path(__file__).resolve().parent


def find(kind: Literal["sql", "migrations"]) -> Path:
    """The folder with the query files or the migrations.

    Raises:
        UsageError: neither place has it: the installation is incomplete.
    """
    for folder in (PACKAGE / f"_{kind}", PACKAGE.parent / kind):
        if folder.is_dir():
            return folder
    raise UsageError(
        f'the folder "{kind}" of the bulkq package is missing: reinstall it (pip install --force-reinstall bulkq)'
    )
