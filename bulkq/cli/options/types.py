"""Types of option values: durations, counts, words, thresholds. Each error says what to write instead."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Generic, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.shell_completion import CompletionItem

    from bulkq.model.shard import Shard

    Base = click.ParamType[object]
else:
    Base = click.ParamType

T = TypeVar("T")

LONGEST_AIM_S = 3600.0
"""A time that something is to take is shorter."""

SHORTEST_S = 0.001
"""PostgreSQL counts milliseconds and reads 0 as "no limit", which only the word `none` may mean."""

LONGEST_NAME = 63
"""Maximum bytes of a PostgreSQL name. PostgreSQL cuts longer names, and two names could become one."""

MOST_DIGITS = 18
"""Maximum digits of a count: it fits into 64 bits."""


class Value(Base, Generic[T]):
    """Base of the types. Errors read `--option VALUE: what to write`; an environment variable holds one value per line."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> T | object:
        """Read a text; return other values unchanged, because Click has read them before."""
        if not isinstance(value, str):
            return value
        try:
            return self.read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)

    def read(self, text: str) -> T:
        """Return the value of `text`; ValueError with the whole message."""
        raise NotImplementedError

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        """Return one value per line, because SQL and paths contain spaces."""
        return [line for line in rv.splitlines() if line.strip()]


class Text(Value[str]):
    """Any text. `words` are values that the shell offers."""

    name = "text"

    def __init__(self, *words: str) -> None:
        """Accept any text; the shell offers `words`."""
        self.offered = words

    def read(self, text: str) -> str:
        """Return the text."""
        return text

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Offer the words."""
        from bulkq.cli.completion import values

        return values.word_items(self.offered, incomplete)


class PathText(Text):
    """A path; the shell completes it."""

    name = "file"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Let the shell complete a path."""
        from bulkq.cli.completion import values

        return values.FILE


class QueryText(Text):
    """A query file or folder, or `FILE:NAME`."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Offer paths, and after `FILE:` the names of its queries."""
        from bulkq.cli.completion import values

        return values.query_items(incomplete)


class QuestionText(Text):
    """The name of a ready question, or a query file."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Offer the names of questions, and paths after a slash."""
        from bulkq.cli.completion import values

        return values.query_items(incomplete) if "/" in incomplete else values.question_items(incomplete)


class SourceText(Text):
    """A source of parameter sets."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Offer paths, and queries after `@`."""
        from bulkq.cli.completion import values

        if incomplete.startswith("@"):
            return values.query_items(incomplete[1:], "@")
        return values.word_items(("range:", "sql:"), incomplete) if incomplete else values.FILE


class ReportText(Text):
    """`FORMAT` or `FORMAT:FILE`."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Offer the formats, and paths after `FORMAT:`."""
        from bulkq.cli.completion import values
        from bulkq.reports.write import FORMATS

        form, colon, path = incomplete.partition(":")
        return values.path_items(path, f"{form}:") if colon else values.word_items(FORMATS, incomplete)


class RunText(Text):
    """The id of a run, or the beginning of it."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Offer the newest runs of the ledger."""
        from bulkq.cli.completion import values

        return values.run_items(ctx, incomplete)


class ControlText(Text):
    """A word of `bulkq ctl`: a run, a command, a setting."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer live runs and commands; after `set` and `get`, the settings."""
        from bulkq.cli.completion import values

        return values.control_items(ctx.params.get(param.name or "") or (), incomplete)


class TableText(Text):
    """The name of a table, as in SQL."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Offer the tables of the target."""
        from bulkq.cli.completion import values

        return values.table_items(ctx, incomplete)


class CommandText(Text):
    """A word of a command."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Offer the commands."""
        from bulkq.cli.commands import COMMANDS
        from bulkq.cli.completion import values

        return values.word_items(COMMANDS, incomplete)


class TargetText(Text):
    """A URL, or a name of the configuration."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Offer the names of targets and groups, and the beginnings of URLs."""
        from bulkq.cli.completion import values

        return values.target_items(ctx, incomplete)


class Duration(Value[float | None]):
    """`30s`, `5m`, `none`; read as seconds, or None for no limit."""

    name = "duration"

    def read(self, text: str) -> float | None:
        """Return the seconds of `text`."""
        from bulkq.text.durations import parse_duration

        if re.fullmatch(r"\s*\d+(\.\d+)?\s*", text):
            raise ValueError(f"{text}: write a unit, for example {text.strip()}s")
        try:
            seconds = parse_duration(text)
        except ValueError as error:
            quoted = f'"{text.strip()}" '
            raise ValueError(f"{text}: {str(error).removeprefix(quoted)}") from None
        if seconds is not None and seconds < SHORTEST_S:
            raise ValueError(f"{text}: must be at least 1ms (use none for no limit)")
        return seconds


class ByteSize(Value[int]):
    """`500MB`, `10GB`, `none`; read as bytes, or None for no limit."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | object | None:
        """Return the bytes, or None for `none`."""
        return None if isinstance(value, str) and value.strip() == "none" else super().convert(value, param, ctx)

    def read(self, text: str) -> int:
        """Return the bytes of `text`."""
        from bulkq.text.byte_sizes import parse_size

        try:
            return parse_size(text) or 0
        except ValueError as error:
            quoted = f'"{text.strip()}" '
            raise ValueError(f"{text}: {str(error).removeprefix(quoted)}") from None


class WaitTime(Duration):
    """A time to wait; `none` and `0s` mean not to wait."""

    def read(self, text: str) -> float:
        """Return the seconds of `text`."""
        return 0.0 if text.strip() in {"none", "0", "0s"} else super().read(text) or 0.0


class AimedTime(Duration):
    """A time that something is to take: not `none`, and less than an hour."""

    def read(self, text: str) -> float:
        """Return the seconds of `text`."""
        seconds = super().read(text)
        if seconds is None or seconds >= LONGEST_AIM_S:
            raise ValueError(f"{text}: write a time of less than 1h, for example 500ms")
        return seconds


class Count(Value[int]):
    """A whole number of at least `least`; or None for `word`."""

    name = "n"

    def __init__(self, least: int, word: str = "") -> None:
        """Accept numbers of at least `least`, and `word`."""
        self.least = least
        self.word = word

    def read(self, text: str) -> int:
        """Return the number."""
        or_word = f"{self.word} or " if self.word else ""
        if not re.fullmatch(r"[+-]?\d+", text.strip()):
            raise ValueError(f"{text}: must be {or_word}a whole number")
        if len(text.strip().lstrip("+-")) > MOST_DIGITS:
            raise ValueError(f"{text}: must be {or_word}a number of at most {MOST_DIGITS} digits")
        if int(text) < self.least:
            raise ValueError(f"{text}: must be {or_word}at least {self.least}")
        return int(text)

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | object | None:
        """Return the number, or None for the word."""
        if self.word and isinstance(value, str) and value.strip() == self.word:
            return None
        return super().convert(value, param, ctx)


class ShardText(Value["Shard"]):
    """`I/N`, one of N shards."""

    name = "i/n"

    def read(self, text: str) -> Shard:
        """Return the shard."""
        from bulkq.model.shard import parse_shard

        return parse_shard(text)


class Multiple(Value[float | str]):
    """A number from 0 to `most`, by which a time is multiplied; or `word`."""

    name = "n"

    def __init__(self, most: int, word: str) -> None:
        """Accept numbers up to `most`, and `word`."""
        self.most = most
        self.word = word

    def read(self, text: str) -> float | str:
        """Return the number, or the word."""
        if text.strip() == self.word:
            return self.word
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if not 0 <= found <= self.most:  # nan is not
            raise ValueError(f"{text}: must be {self.word} or a number from 0 to {self.most}, for example 0.5")
        return found


class Words(Value[str]):
    """One of a few words."""

    name = "word"

    def __init__(self, *words: str) -> None:
        """Accept any of `words`."""
        self.words = words

    def read(self, text: str) -> str:
        """Return the word."""
        return one_of(text, self.words)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002
        """Return `auto|bar|lines`."""
        return "|".join(self.words)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Offer the words."""
        from bulkq.cli.completion import values

        return values.word_items(self.words, incomplete)


class WordList(Words):
    """Some of a few words, separated by commas."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        """Return a tuple of the words, each once, in the order given."""
        if not isinstance(value, str):
            return value
        try:
            return tuple(dict.fromkeys(one_of(word.strip(), self.words) for word in value.split(",") if word.strip()))
        except ValueError as error:
            self.fail(str(error), param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002
        """Return `n,params,query`."""
        return ",".join(self.words)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Offer the words for the last place of the list."""
        from bulkq.cli.completion import values

        return values.list_items(self.words, incomplete)


class NameValue(Value[tuple[str, str]]):
    """`NAME=VALUE`."""

    name = "name=value"

    def read(self, text: str) -> tuple[str, str]:
        """Return the name and the value."""
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise ValueError(f"{text}: write NAME=VALUE, for example --param day=2026-11-22")
        return name.strip(), value

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG002
        """Offer the names of the parameters."""
        from bulkq.cli.completion import values

        return values.parameter_items(ctx, incomplete)


class MarkerPrefix(Value[str]):
    """`PREFIX` or `SCHEMA.PREFIX`, written as in the catalog; bulkq quotes the names."""

    name = "prefix"

    def read(self, text: str) -> str:
        """Return the text if it can be the prefix of two table names."""
        schema, dot, prefix = text.rpartition(".")
        if not prefix or (dot and not schema) or "." in schema or not re.fullmatch(r"[\w $-]+", schema + prefix):
            raise ValueError(f"{text}: write [SCHEMA.]PREFIX without quotes, for example ops.bulkq")
        if len(f"{prefix}_markers".encode()) > LONGEST_NAME or len(schema.encode()) > LONGEST_NAME:
            raise ValueError(f"{text}: the names of the tables would be longer than {LONGEST_NAME} bytes")
        return text


class MaxFailures(Value[tuple[int | None, float | None]]):
    """`N` or `N%`; read as a pair with one None."""

    name = "n|n%"

    def read(self, text: str) -> tuple[int | None, float | None]:
        """Return the count, or the percentage."""
        found = re.fullmatch(r"(\d{1,18}(?:\.\d+)?)(%?)", text.strip())
        if not found or ("." in found[1] and not found[2]):
            raise ValueError(f"{text}: write a number or a percentage, for example 100 or 5%")
        if found[2]:
            if not 0 < float(found[1]) <= 100:
                raise ValueError(f"{text}: a percentage is above 0% and at most 100%")
            return None, float(found[1])
        if int(found[1]) < 1:
            raise ValueError(f"{text}: must be at least 1")
        return int(found[1]), None


def one_of(text: str, words: Sequence[str]) -> str:
    """Return `text` if it is one of `words`; else ValueError with the nearest word or all words."""
    if text in words:
        return text
    from bulkq.text.message_parts import find_nearest

    near = find_nearest(text, words)
    hint = f"did you mean {near}?" if near else f"one of {', '.join(words)}"
    raise ValueError(f"{text}: no such value ({hint})")
