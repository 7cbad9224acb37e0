"""How option values are read, and what is said of wrong ones."""

from __future__ import annotations

import pytest

from bulkq.cli.options.run_options import RunOptions, run_options
from bulkq.cli.options.types import (
    AimedTime,
    Count,
    Duration,
    MarkerPrefix,
    MaxFailures,
    Multiple,
    NameValue,
    Text,
    Value,
    WaitTime,
    WordList,
    Words,
)
from bulkq.text.urls import redact_urls


@pytest.mark.parametrize(
    ("reader", "text", "value"),
    [
        (Duration(), "250ms", 0.25),
        (Duration(), "none", None),
        (AimedTime(), "500ms", 0.5),
        (WaitTime(), "none", 0.0),
        (WaitTime(), "0s", 0.0),
        (WaitTime(), "5m", 300.0),
        (Count(1), "8", 8),
        (Count(1, word="auto"), "auto", None),
        (Multiple(100, "auto"), "0.5", 0.5),
        (Multiple(100, "auto"), "auto", "auto"),
        (MaxFailures(), "10", (10, None)),
        (MaxFailures(), "2.5%", (None, 2.5)),
        (NameValue(), "a=b=c", ("a", "b=c")),
        (NameValue(), "a=", ("a", "")),
        (Words("a", "b"), "b", "b"),
        (WordList("n", "query"), "n, query,n", ("n", "query")),
        (Text(), " as it is ", " as it is "),
        (MarkerPrefix(), "bulkq", "bulkq"),
        (MarkerPrefix(), "ops.bulkq", "ops.bulkq"),
        (MarkerPrefix(), "my-schema.q$1", "my-schema.q$1"),
    ],
)
def test_values_are_read(reader: Value[object], text: str, value: object) -> None:
    """Text becomes the value that it stands for, and a value stays what it is."""
    assert reader.convert(text, None, None) == value
    assert reader.convert(value, None, None) == value or isinstance(value, str)


@pytest.mark.parametrize(
    ("reader", "text", "words"),
    [
        (AimedTime(), "none", "none: write a time of less than 1h, for example 500ms"),
        (AimedTime(), "2h", "2h: write a time of less than 1h, for example 500ms"),
        (Multiple(100, "auto"), "nan", "nan: must be auto or a number from 0 to 100, for example 0.5"),
        (Multiple(100, "auto"), "101", "101: must be auto or a number from 0 to 100, for example 0.5"),
        (Multiple(100, "auto"), "x", "x: must be auto or a number from 0 to 100, for example 0.5"),
        (Duration(), "5", "5: write a unit, for example 5s"),
        (Duration(), "1.5", "1.5: write a unit, for example 1.5s"),
        (Duration(), "0.1ms", "0.1ms: must be at least 1ms (use none for no limit)"),
        (Count(1), "0", "0: must be at least 1"),
        (Count(1), "1.5", "1.5: must be a whole number"),
        (Count(1), "9" * 30, "must be a number of at most 18 digits"),
        (MaxFailures(), "1.5", "write a number or a percentage"),
        (MaxFailures(), "0%", "0%: a percentage is above 0%"),
        (NameValue(), "=1", "=1: write NAME=VALUE"),
        (Words("auto", "bar"), "baar", "baar: no such value (did you mean bar?)"),
        (Words("auto", "bar"), "x", "x: no such value (one of auto, bar)"),
        (MarkerPrefix(), "", ": write [SCHEMA.]PREFIX without quotes"),
        (MarkerPrefix(), "ops.", "ops.: write [SCHEMA.]PREFIX"),
        (MarkerPrefix(), ".x", ".x: write [SCHEMA.]PREFIX"),
        (MarkerPrefix(), "a.b.c", "a.b.c: write [SCHEMA.]PREFIX"),
        (MarkerPrefix(), '"ops".x', "without quotes, for example ops.bulkq"),
        (MarkerPrefix(), "x" * 56, "the names of the tables would be longer than 63 bytes"),
        (MarkerPrefix(), "ä" * 28, "the names of the tables would be longer than 63 bytes"),
    ],
)
def test_errors_say_what_to_write(reader: Value[object], text: str, words: str) -> None:
    """The complaint begins with the value and ends with the next step."""
    with pytest.raises(ValueError, match=r".") as caught:
        reader.read(text)
    assert words in str(caught.value)


def test_a_variable_holds_a_value_per_line() -> None:
    """Blanks belong to the value."""
    assert list(Text().split_envvar_value("my file.csv\nsql:select 1\n")) == ["my file.csv", "sql:select 1"]


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://u:s3cr3t@h/d is gone",
        'cannot reach "mysql+pymysql://u:s3cr3t@h/d"',
        "postgresql://h/d?user=u&password=s3cr3t&sslmode=disable",
        "libsql://h/d?authToken=s3cr3t and more",
        *(
            f"cannot open 'duckdb:///md:x?{name}=s3cr3t&a=1'"
            for name in ("token", "secret", "api_key", "motherduck_token")
        ),
    ],
)
def test_passwords_are_taken_out(text: str) -> None:
    """No message shows the password of a URL in it."""
    assert "s3cr3t" not in redact_urls(text)
    assert "***" in redact_urls(text)


def test_options_are_one_table() -> None:
    """Every option of `run` has a variable of its name, and every value has its place in `RunOptions`."""

    def command() -> None:
        pass

    parameters = {parameter.name: parameter for parameter in run_options(command).__click_params__}
    assert {name for name in parameters if parameters[name].expose_value} == set(RunOptions.__annotations__)
    for name, parameter in parameters.items():
        if name != "files":
            assert parameter.envvar == f"BULKQ_{name.upper()}"
