"""The location of a ledger: `auto`, a path or a URL. Parsing opens no file and no connection."""

from __future__ import annotations

import os
import re
from dataclasses import field
from pathlib import Path
from urllib.parse import unquote

from bulkq.errors import LedgerError, UsageError
from bulkq.model.frozen_dataclass import frozen
from bulkq.text.urls import hide_passwords, parse_scheme

POSTGRES = {"postgresql", "postgres", "postgresql+asyncpg"}
SQLITE = {"sqlite", "sqlite+aiosqlite", "sqlite+pysqlite"}
NEXT = "write auto, a path, sqlite:///FILE, postgresql://..., or none"


class LedgerMissing(LedgerError):
    """The ledger does not exist, and the caller did not ask to create it."""


@frozen
class LedgerLocation:
    """One ledger. Exactly one of `path` and `url` is given."""

    shown: str  # for people: the path, or the URL without its password
    path: Path | None = None
    url: str = field(default="", repr=False)  # postgresql://..., with its password
    auto: bool = False  # its folder is ours to make


def locate(url: str) -> LedgerLocation:
    """The place that `--ledger URL` means.

    Raises:
        UsageError: it has none of the forms, or is `none`.
    """
    if url == "auto":
        path = default_path()
        return LedgerLocation(str(path), path, auto=True)
    kind = parse_scheme(url)
    if kind in POSTGRES:
        plain = re.sub(r"^\s*[^:]+://", "postgresql://", url)
        return LedgerLocation(hide_passwords(plain), url=plain)
    if kind in SQLITE:
        return _file(unquote(url.partition("://")[2].removeprefix("/").partition("?")[0]), url)
    if kind is not None:
        raise UsageError(
            f'--ledger "{hide_passwords(url)}": a ledger is an SQLite file or a PostgreSQL database: {NEXT}'
        )
    return _file(url, url)


def default_path() -> Path:
    """`$XDG_STATE_HOME/bulkq/ledger.db`, in `~/.local/state` where the variable is not set.

    https://specifications.freedesktop.org/basedir-spec/latest/: a relative path in it is to be ignored.
    """
    given = os.environ.get("XDG_STATE_HOME", "")
    if given and Path(given).is_absolute():
        return Path(given) / "bulkq" / "ledger.db"
    try:
        return Path.home() / ".local" / "state" / "bulkq" / "ledger.db"
    except RuntimeError:
        raise UsageError("this account has no home folder for the ledger: give its path with --ledger FILE") from None


def _file(text: str, url: str) -> LedgerLocation:
    if text in {"", "none", ":memory:"} or "\0" in text:
        raise UsageError(f'--ledger "{url}" is an in-memory database, which is lost when the run ends: {NEXT}')
    path = Path(text).expanduser() if text.startswith("~") else Path(text)
    try:
        resolved = path.resolve()  # the lock and the write-ahead log lie beside the file, not beside a link to it
    except (OSError, RuntimeError) as error:
        raise UsageError(f'--ledger "{url}" cannot be resolved: {error}') from None
    return LedgerLocation(text, resolved)
