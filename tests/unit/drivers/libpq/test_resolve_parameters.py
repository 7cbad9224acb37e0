"""Settings of the server in PGOPTIONS and elsewhere, read as the server reads them; the table of the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bulkq.drivers.libpq import blame, resolve_parameters, settings_of, startup
from bulkq.drivers.libpq.parameters import KEYWORDS, SETTINGS, VARIABLES
from bulkq.errors import UsageError
from bulkq.model import Setting

DOCS = Path(__file__).parents[4] / "docs" / "reference" / "connections.md"


def found(url: str = "postgresql://h/d", **environment: str) -> dict[str, str]:
    """The settings by name."""
    return {one.name: one.value for one in settings_of(resolve_parameters(url, environment))}


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("", {}),
        ("-c search_path=a", {"search_path": "a"}),
        ("-csearch_path=a", {"search_path": "a"}),
        ("--search-path=a  --work_mem=1MB", {"search_path": "a", "work_mem": "1MB"}),
        ("-c search_path=a,\\ b\\\\c -c\tx.y=1=2", {"search_path": "a, b\\c", "x.y": "1=2"}),
        ("-c jit=on -c JIT=off", {"jit": "off"}),
        ("-c role=", {"role": ""}),
    ],
)
def test_options_are_split_as_the_server_splits_them(text: str, settings: dict[str, str]) -> None:
    """Backslashes escape blanks and themselves, `-` in a long name is `_`, the last of a name counts."""
    assert found(PGOPTIONS=text) == settings


@pytest.mark.parametrize("text", ["-c", "-c jit", "-S 100", "jit=off", "-c 1x=2", "--=1", "-e"])
def test_other_switches_are_refused(text: str) -> None:
    """What is not name=value is refused by name, and not left out."""
    with pytest.raises(UsageError, match="^PGOPTIONS: options: .* write -c name=value"):
        found(PGOPTIONS=text)


def test_the_order_of_precedence() -> None:
    """The URL, the service file, the environment; a variable outranks `options`, and `default` is not sent."""
    assert found("postgresql://h/d?options=-cjit%3Doff", PGOPTIONS="-c search_path=a") == {"jit": "off"}
    assert found("postgresql://h/d?options=", PGOPTIONS="-c search_path=a") == {}
    assert found(PGOPTIONS="-c timezone=UTC", PGTZ="Asia/Tokyo", PGGEQO="off", PGDATESTYLE="default") == {
        "timezone": "Asia/Tokyo",
        "geqo": "off",
    }
    assert found("postgresql://h/d?search_path=b&timezone=UTC", PGTZ="Asia/Tokyo") == {
        "search_path": "b",
        "timezone": "UTC",
    }


@pytest.mark.parametrize(
    "setting",
    [
        "statement_timeout=1s",
        "lock_timeout=1s",
        "transaction_read_only=on",
        "DateStyle=German",
        "DateStyle=SQL,\\ DMY",
        "IntervalStyle=iso_8601",
        "extra_float_digits=0",
        "bytea_output=escape",
        "standard_conforming_strings=off",
        "client_encoding=latin1",
        "default_transaction_isolation=serializable",
    ],
)
def test_settings_that_would_not_hold_are_refused(setting: str) -> None:
    """What bulkq sets itself, and what its own reading and writing stand on."""
    with pytest.raises(UsageError, match="^PGOPTIONS: .* cannot be honoured: "):
        found(PGOPTIONS=f"-c {setting}")


def test_settings_as_bulkq_needs_them_are_taken() -> None:
    """The order of day and month is the user's."""
    assert found(PGDATESTYLE="ISO, DMY", PGOPTIONS="-c bytea_output=hex -c client_encoding='UTF8'")["datestyle"]
    assert found(PGDATESTYLE="european") == {"datestyle": "european"}


def test_the_start_up_message_says_the_same_again() -> None:
    """What is read from `options` is written so that the server reads the same."""
    settings = (Setting("search_path", 'a, "b c"\\', "PGOPTIONS"), Setting("x.y", "1=2", "PGOPTIONS"))
    again = settings_of(resolve_parameters("postgresql://h/d", {"PGOPTIONS": startup(settings)}))
    assert again == settings


def test_who_is_to_blame() -> None:
    """A refusal of the server that names a setting is told with its source; others are not."""
    settings = (Setting("work_mem", "x", "PGOPTIONS"), Setting("role", "r", 'service "s"'))
    refused = blame('failed: FATAL:  invalid value for parameter "work_mem": "x"', "22023", settings)
    assert refused == 'PGOPTIONS: invalid value for parameter "work_mem": "x": correct the setting, or remove it'
    assert (blame('role "r" does not exist', None, settings) or "").startswith('service "s": ')
    assert blame('role "r" does not exist', "28000", settings) is None
    assert blame('database "d" does not exist', None, settings) is None


def test_the_documentation_lists_every_parameter() -> None:
    """Each parameter and variable of libpq 18 has a line that says what becomes of it."""
    rows = re.findall(r"^\| `(\w+)` \| (?:`(\w+)`)?[^|]*\|", DOCS.read_text(), re.MULTILINE)
    names = {name for name, _ in rows}
    assert KEYWORDS - names == set()
    variables = {variable for _, variable in rows} | {name for name in names if name.startswith("PG")}
    assert {*VARIABLES.values(), *SETTINGS.values(), "PGSERVICE", "PGSERVICEFILE", "PGSYSCONFDIR"} - variables == set()
