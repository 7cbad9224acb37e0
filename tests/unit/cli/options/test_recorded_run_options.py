"""What `resume` and `retry` change of the run that they go on with: what was typed, and nothing else."""

from __future__ import annotations

import click
import pytest

from bulkq.cli.options.recorded_run_options import (
    RUN_FIELDS,
    RecordedOptions,
    advise_passwords,
    options_of_recorded,
    understood,
)
from bulkq.errors import TargetError, UsageError
from bulkq.model import Target, Threshold
from bulkq.model.run import FLAT

URL = "postgresql://u:s3cr3t@h/d"


def changes(*arguments: str) -> dict[str, object]:
    """The fields that a command line changes."""
    found: dict[str, object] = {}

    @click.command()
    @options_of_recorded
    @click.pass_context
    def command(ctx: click.Context, /, **options: object) -> None:
        found.update(understood(ctx, options)[1])  # type: ignore[arg-type]

    command.main(list(arguments), prog_name="bulkq resume", standalone_mode=False)
    return found


@pytest.mark.parametrize(
    ("arguments", "changed"),
    [
        (["--last"], {}),
        (["a1"], {}),
        (
            ["a1", "-j", "2", "--batch", "10"],
            {"concurrency": 2, "concurrency_given": True, "batch": 10, "batch_given": True},
        ),
        (["a1", "--nice", "auto"], {"nice": "auto"}),
        (["a1", "--batch", "auto"], {"batch": None, "batch_given": True}),
        (["a1", "--timeout", "5m"], {"timeout_s": 300.0, "timeout_given": True}),
        (["a1", "--timeout", "none", "--outage", "none"], {"timeout_s": None, "timeout_given": True, "outage_s": 0.0}),
        (["a1", "--deadline", "1h"], {"deadline_s": 3600.0}),
        (["a1", "--on-unknown", "retry"], {"retry_unknown": True}),
        (["a1", "--on-unknown", "stop"], {"retry_unknown": False}),
        (["a1", "--max-failures", "9"], {"max_failures": Threshold(9), "fail_fast": False}),
        (["a1", "--max-failures", "5%"], {"max_failures": Threshold(percent=5.0), "fail_fast": False}),
        (["a1", "--max-affected", "9"], {"max_affected": 9}),
        (
            ["a1", "--nice", "0", "--max-rate", "none", "--window", "none"],
            {"nice": 0.0, "max_rate": None, "window": ()},
        ),
        (["a1", "--max-rate", "9rows/s", "--window", "1:00-2:00"], {"max_rate": "9rows/s", "window": ("1:00-2:00",)}),
        (
            ["a1", "--throttle-every", "2s", "--throttle-timeout", "none"],
            {"throttle_every_s": 2.0, "throttle_timeout_s": None},
        ),
        (["a1", "--critical", "lag<9s", "--on-critical", "pause"], {"critical": ("lag<9s",), "on_critical": "pause"}),
        (["a1", "--throttle", "lag<9s"], {"throttle": ("lag<9s",), "target_throttles": True}),
        (
            ["a1", "--throttle", "none", "--confirm", "eu"],
            {"throttle": (), "target_throttles": False, "confirmed": ("eu",)},
        ),
        (["a1", "-t", "sqlite:///a.db"], {"targets": (Target(url="sqlite:///a.db"),)}),
    ],
)
def test_what_was_typed_changes_the_run(arguments: list[str], changed: dict[str, object]) -> None:
    """Fields of the request that the options stand for; `--timeout` then outranks the file's."""
    assert changes(*arguments) == changed


def test_the_environment_does_not_change_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """It had its say when the run began; only a password is still needed from it, for it was not kept."""
    monkeypatch.setenv("BULKQ_CONCURRENCY", "2")
    monkeypatch.setenv("BULKQ_TARGET", "postgresql://u@h/d")
    assert changes("a1") == {}
    monkeypatch.setenv("BULKQ_TARGET", URL)
    assert changes("a1") == {"targets": (Target(url=URL),)}
    assert changes("a1", "-t", "postgresql://u@h/e") == {"targets": (Target(url="postgresql://u@h/e"),)}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no run: bulkq resume RUN, or --last for the newest"),
        (["a1", "--last"], '"a1" and --last: name one of them'),
        (["a1", "-t", "a.db"], "is not a URL"),
    ],
)
def test_one_run_is_named(arguments: list[str], words: str) -> None:
    """By its id, or as the newest."""
    with pytest.raises(UsageError, match=r".") as caught:
        changes(*arguments)
    assert words in str(caught.value)


def test_the_fields_are_those_of_a_run() -> None:
    """Every option has its value and every field is there."""
    assert set(RUN_FIELDS) <= set(RecordedOptions.__annotations__)
    assert set(RUN_FIELDS.values()) <= set(FLAT)


@pytest.mark.parametrize(
    ("said", "given", "advised"),
    [
        ("wrong user or password", {}, True),
        ("wrong user or password", {"targets": (Target(url=URL),)}, False),
        ("connection refused", {}, False),
    ],
)
def test_a_password_has_to_be_given_again(said: str, given: dict[str, object], advised: bool) -> None:
    """The error of a target says so, if no target was typed."""
    with pytest.raises(TargetError) as caught, advise_passwords(given):
        raise TargetError(said)
    assert ("give the URL again with -t" in str(caught.value)) is advised
