"""One `[targets.NAME]` of a file becomes a `Target`, or a line for each thing that is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from bulkq.dialects import dialect_for
from bulkq.drivers import EXAMPLE, takes_password
from bulkq.errors import UsageError
from bulkq.model import Secret, Target
from bulkq.policy.throttle_expressions import parse_expression, path_of
from bulkq.targets.expectations import KEYS as EXPECTABLE
from bulkq.text import urls
from bulkq.text.message_parts import suggestion_or_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkq.targets.config_files import ConfigDocument

KEYS = ("url", "password", "protected", "concurrency", "tags", "expect", "throttle")
SECRETS = ("env", "file", "command")
FORMS = 'password = { env = "NAME" }, { file = "PATH" } or { command = ["program", "argument"] }'


def read_target(document: ConfigDocument, name: str, entry: object) -> tuple[Target | None, list[str]]:
    """The target, where nothing is wrong with it, and the lines of what is."""
    reading = _TargetParser(document, name)
    if not isinstance(entry, dict):
        reading.wrong(f'must be a table: write [targets.{name}] and url = "..." below')
        return None, reading.errors
    for key in entry.keys() - set(KEYS):
        reading.errors.append(
            f'{document.place("targets", name, key)}: unknown key "targets.{name}.{key}"{suggestion_or_names(key, KEYS)}'
        )
    target = Target(
        url=reading.url(entry),
        name=name,
        password=reading.password(entry.get("password")) if "password" in entry else None,
        protected=reading.protected(entry.get("protected", False)),
        concurrency=reading.concurrency(entry["concurrency"]) if "concurrency" in entry else None,
        tags=reading.tags(entry.get("tags", [])),
        expect=reading.expect(entry.get("expect", {})),
        throttle=reading.throttle(entry.get("throttle", [])),
    )
    if target.password is not None and not takes_password(target.url):
        reading.wrong("cannot be used: the driver of the url cannot open encrypted files", "password")
    elif target.password is not None and urls.find_passwords(target.url):
        reading.wrong("and the url both give a password: keep one of them", "password")
    return (None if reading.errors else target), reading.errors


class _TargetParser:
    """Reads the keys of one `[targets.NAME]` table. Errors are collected in `errors`, not raised."""

    def __init__(self, document: ConfigDocument, name: str) -> None:
        self.document = document
        self.name = name
        self.errors: list[str] = []

    def wrong(self, what: str, *keys: str) -> None:
        """Note what is wrong with a key."""
        key = ".".join(("targets", self.name, *keys))
        self.errors.append(f"{self.document.place('targets', self.name, *keys)}: {key} {what}")

    def url(self, entry: Mapping[str, object]) -> str:
        """Return the URL, with a relative file path resolved from the folder of the configuration; "" if it is missing."""
        if "url" not in entry:
            self.wrong(f'has no url: write url = "{EXAMPLE.partition(" ")[0]}"')
            return ""
        url = entry["url"]
        if not isinstance(url, str):
            self.wrong(f"must be text, for example {EXAMPLE}", "url")
            return ""
        if urls.parse_scheme(url) is None:
            shown = f"***{url[url.rindex('@') :]}" if "@" in url else urls.hide_passwords(url)
            self.wrong(f'"{shown}" is not a URL: write it like {EXAMPLE}', "url")
        return anchor_file(url, self.document.path.parent)

    def password(self, value: object) -> Secret | None:
        """Return the source of the password, or None if `value` is not valid."""
        if not isinstance(value, dict):
            self.wrong(f"must name the source of the password: {FORMS}", "password")
            return None
        for key in value.keys() - set(SECRETS):
            place = self.document.place("targets", self.name, "password", key)
            self.errors.append(
                f'{place}: unknown key "targets.{self.name}.password.{key}"{suggestion_or_names(key, SECRETS)}'
            )
        given = [key for key in SECRETS if key in value]
        if len(given) != 1:
            self.wrong(f"must name one source of the password: {FORMS}", "password")
            return None
        return self._secret(given[0], value[given[0]])

    def _secret(self, kind: str, value: object) -> Secret | None:
        folder = self.document.path.parent
        given = value if kind == "command" and isinstance(value, list) else [value]
        texts = [text for text in given if isinstance(text, str) and "\0" not in text]
        if not texts or len(texts) < len(given) or not texts[0]:
            what = "text, or a list of the program and its arguments" if kind == "command" else "text"
            self.wrong(f"must be {what}", "password", kind)
            return None
        if kind == "env":
            return Secret(env=texts[0])
        if kind == "file":
            return Secret(file=str(folder / Path(texts[0]).expanduser()))
        command = tuple(texts) if isinstance(value, list) else ("/bin/sh", "-c", texts[0])
        return Secret(command=command, folder=str(folder))

    def protected(self, value: object) -> bool:
        """Return the value of `protected`, or False if it is not a boolean."""
        if not isinstance(value, bool):
            self.wrong("must be true or false", "protected")
        return value is True

    def concurrency(self, value: object) -> int | None:
        """Return the maximum number of connections, at least 1, or None if `value` is not valid."""
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            self.wrong("must be a whole number, at least 1", "concurrency")
            return None
        return value

    def tags(self, value: object) -> tuple[str, ...]:
        """Return the tags, each once, or () if `value` is not a list of texts."""
        if not isinstance(value, list) or not all(isinstance(tag, str) and tag for tag in value):
            self.wrong('must be a list of texts, for example tags = ["eu", "replica"]', "tags")
            return ()
        return tuple(dict.fromkeys(value))

    def throttle(self, value: object) -> tuple[str, ...]:
        """Return the valid expressions, each once, with paths resolved from the folder of the configuration."""
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            self.wrong('must be a list of expressions, for example throttle = ["lag<2s", "waiters<1"]', "throttle")
            return ()
        found: dict[str, None] = {}
        for text in value:
            try:
                parse_expression(text, "")
            except UsageError as error:
                self.wrong(str(error).strip(), "throttle")
            else:
                found[self._anchored(text)] = None
        return tuple(found)

    def _anchored(self, expression: str) -> str:
        path = path_of(expression)
        folder = self.document.path.parent
        return f"{expression.partition(':')[0]}:{folder / Path(path).expanduser()}" if path else expression

    def expect(self, value: object) -> Mapping[str, str]:
        """Return the valid expectations as texts, by key."""
        if not isinstance(value, dict):
            self.wrong('must be a table: write expect.database = "..."', "expect")
            return {}
        found: dict[str, str] = {}
        for key, wanted in value.items():
            if key not in EXPECTABLE:
                place = self.document.place("targets", self.name, "expect", key)
                self.errors.append(
                    f'{place}: unknown key "targets.{self.name}.expect.{key}"{suggestion_or_names(key, EXPECTABLE)}'
                )
            elif key == "in_recovery" and not isinstance(wanted, bool):
                self.wrong("must be true or false", "expect", key)
            elif not isinstance(wanted, str | int | float):
                self.wrong("must be text, a number, or true or false", "expect", key)
            else:
                found[key] = str(wanted).lower() if isinstance(wanted, bool) else str(wanted)
        if ("sql" in found) is not ("value" in found):
            there, missing = ("sql", "value") if "sql" in found else ("value", "sql")
            self.wrong(f"needs expect.{missing}: the query, and what its first column gives", "expect", there)
        return found


def _names_file(url: str) -> bool:
    return dialect_for((urls.parse_scheme(url) or "").partition("+")[0]).is_file


def anchor_file(url: str, folder: Path) -> str:
    """`url` with the file that it names seen from `folder`, where it names one by a relative path."""
    head, path, options = urls.split_file(url)
    if not _names_file(url) or not head.partition("://")[2].endswith("/") or path.startswith((":", "md:")) or not path:
        return url
    if Path(unquote(path)).is_absolute():
        return url
    return f"{head}{quote(str(folder), errors='surrogateescape')}/{path}{options}"
