"""Target URLs as text: their scheme, and how to show them without a password. Pure."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, unquote, unquote_plus

from bulkq.text.characters import escape_unprintable
from bulkq.text.late_pattern import compile_late
from bulkq.text.mask import MASK, mask_all

_SECRET = r"pass(?:word|wd|phrase)?|pwd|sslpassword|secret|token|api_?key|auth_?token|access_?key"  # noqa: S105 - names of options
_SCHEME = compile_late(r"\s*([A-Za-z][A-Za-z0-9+._-]*)://")
_QUERY_SECRET = compile_late(rf"(?i)([?&;=][\s+]*(?:[\w.-]*(?:{_SECRET}))[\s+]*=\s*)(\{{(?:[^}}]|\}}\}})*\}}?|[^&;#]*)")
_NESTED_SECRET = compile_late(rf"(?i)((?:=|%(?:3B|3D|20|26|3F))[\w.-]*(?:{_SECRET})(?:\+|%20)*%3D)([^&#\s'\"]*)")
"""An option inside the value of another one, such as PWD in `odbc_connect`. What stands behind it there is hidden with it."""

_TEXT_PASSWORD = compile_late(r"([A-Za-z][A-Za-z0-9+.-]*://[^\s/:@'\"]*:)[^\s/'\"]+(?=@)")
_TEXT_SECRET = compile_late(rf"(?i)([?&;=](?:[\w.-]*(?:{_SECRET}))=)(?:\{{(?:[^}}]|\}}\}})*\}}|[^\s&;#'\"]+)")
_KEY_SECRET = compile_late(rf"(?i)(\b(?:\w*(?:{_SECRET}))\s*=\s*)('(?:\\.|''|[^'\\])*'?|\"[^\"]*\"?|(?!')(?:\\.|\S)+)")


def parse_scheme(url: str) -> str | None:
    """The scheme of `url` in lower case (`postgresql`, `mysql+pymysql`), or None where it has none."""
    found = _SCHEME.match(url)
    return found[1].lower() if found else None


def hide_passwords(url: str) -> str:
    """`url` with every password in it replaced by `***`.

    Passwords are looked for between user and host, in the query string, and as `password=` of a libpq
    connection string. A URL that was written wrongly (an unescaped `@`, `/`, `?` or `#` in the password) hides too much
    rather than too little. It stays on one line.
    """
    url = escape_unprintable(url)
    found = _SCHEME.match(url)
    if not found:
        return _KEY_SECRET.sub(rf"\g<1>{MASK}", url)
    head, rest = url[: found.end()], url[found.end() :]
    start, end = _password_span(rest)
    if end > start:
        rest = rest[:start] + MASK + rest[end:]
    return head + _QUERY_SECRET.sub(rf"\g<1>{MASK}", _NESTED_SECRET.sub(rf"\g<1>{MASK}", rest))


def leave_out_password(argument: str) -> str:
    """`argument` without the password of a URL, so that it can be shown and typed again."""
    shown = hide_passwords(argument)
    if shown == argument:
        return argument
    return shown.replace(f":{MASK}@", "@") if f":{MASK}@" in shown else shown


def find_passwords(url: str) -> tuple[str, ...]:
    """Every password in `url`, as written and as decoded; to remove them from messages of servers and libraries."""
    found = _SCHEME.match(url)
    if not found:
        return tuple(m[2].strip("'\"") for m in _KEY_SECRET.finditer(url) if m[2].strip("'\""))
    rest = url[found.end() :]
    start, end = _password_span(rest)
    written = [rest[start:end]] if end > start else []
    written += [m[2] for m in _QUERY_SECRET.finditer(rest)]
    nested = [m[2] for m in _NESTED_SECRET.finditer(rest)]
    in_braces = [text for text in written if text.startswith("{")]
    written += [*nested, *(_odbc_value(unquote_plus(text)) for text in (*nested, *in_braces))]
    return tuple(dict.fromkeys(p for text in written for p in (text, unquote(text)) if p))


def remove_passwords(text: str, url: str) -> str:
    """`text` without the passwords of `url`."""
    return mask_all(text, find_passwords(url))


def redact_urls(text: str) -> str:
    """`text`, which may hold any number of URLs, without their passwords and secret options; for what goes to a terminal or a log."""
    text = _NESTED_SECRET.sub(rf"\g<1>{MASK}", text)
    return _TEXT_SECRET.sub(rf"\g<1>{MASK}", _TEXT_PASSWORD.sub(rf"\g<1>{MASK}", text))


def parse_options(url: str) -> dict[str, str]:
    """The query string of `url`; the last of a repeated name counts."""
    _, _, query = url.partition("?")
    return dict(parse_qsl(query.partition("#")[0], keep_blank_values=True))


def split_file(url: str) -> tuple[str, str, str]:
    """`url` of a file, as what stands in front of its path (scheme and key), the path as written, and the rest from the `?` on.

    Returns:
        ("sqlite+apsw://:KEY@/", "shop.db", "?cipher=sqlcipher"), for example. The path is relative unless it begins with "/".
    """
    found = _SCHEME.match(url)
    start = found.end() if found else 0
    if not url.startswith("/", start):  # a key in front of the path
        start = url.find("@", start) + 1 or start
    start += url.startswith("/", start)
    path, mark, options = url[start:].partition("?")
    return url[:start], path, f"{mark}{options}"


def with_database(url: str, name: str) -> str:
    """`url` with the database `name` in the place of its own."""
    found = _SCHEME.match(url)
    start = found.end() if found else 0
    rest = url[start:]
    end = _authority_end(rest)
    _, mark, query = rest[end:].partition("?")
    return f"{url[:start]}{rest[:end]}/{quote(name, safe='')}{mark}{query}"


def _odbc_value(text: str) -> str:
    """The first value of an ODBC connection string: up to a semicolon, or in braces, in which a closing one is doubled."""
    if not text.startswith("{"):
        return text.partition(";")[0].strip()
    return text[1:].replace("}}", "\0").partition("}")[0].replace("\0", "}")


def _password_span(rest: str) -> tuple[int, int]:
    """Where the password stands in what follows `scheme://`; an empty span where there is none."""
    at = rest.rfind("@", 0, _authority_end(rest))
    colon = rest.find(":")
    return (colon + 1, at) if 0 <= colon < at else (0, 0)


def _authority_end(rest: str) -> int:
    """The end of `user:password@host`; an `@` behind an unescaped `/`, `?` or `#` counts where only a password explains it."""
    end = min((i for i in map(rest.find, "/?#") if i >= 0), default=len(rest))
    last = rest.rfind("@")
    if last < end or ":" not in rest[:end]:
        return end
    port = rest[:end].rpartition(":")[2]
    between = rest[end:last]
    in_query = between.startswith("/") and "?" in between and "=" in between[between.index("?") :]
    return end if in_query and (port.isdigit() or port.endswith("]")) else last + 1
