"""The password file of the tests: URLs of servers carry no password, as those of most users do not. Libpq and asyncpg read the file.

With a password in the URL every resume would need it again, and every command would warn of it.
"""

from __future__ import annotations

import atexit
import os
import tempfile
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

VARIABLE = "PGPASSFILE"
_known: dict[str, str] = {}


def remember(url: str) -> str:
    """Note the password of `url` for its role, at every address (a proxy has another); return the URL without it."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    user = unquote(parts.username or "")
    _known[user] = unquote(parts.password)
    _path().write_text("".join(f"*:*:*:{_escaped(name)}:{_escaped(word)}\n" for name, word in _known.items()))
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}@{place}"))


def of(user: str) -> str | None:
    """The password of a role; None where it needs none."""
    return _known.get(user)


def environment() -> dict[str, str]:
    """What a process needs in its environment to find the passwords."""
    return {VARIABLE: os.environ[VARIABLE]} if VARIABLE in os.environ else {}


def _path() -> Path:
    """The file, which only its owner may read: libpq ignores others. Made with the first password, gone with this process."""
    if not _made:
        handle, name = tempfile.mkstemp(prefix="bulkq-passwords-")
        os.close(handle)
        os.environ[VARIABLE] = name
        atexit.register(Path(name).unlink, missing_ok=True)
        _made.append(Path(name))
    return _made[0]


_made: list[Path] = []


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(":", "\\:")
