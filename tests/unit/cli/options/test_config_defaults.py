"""Defaults from a file: weaker than a query file, the environment and the command line; refused where they cannot be right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest

from bulkq.cli.messages import Messages
from bulkq.cli.options.build_run import build, warn_of_password
from bulkq.cli.options.config_defaults import common_options, config_of, default_map, given, named_config
from bulkq.cli.options.run_options import RunOptions, run_options
from bulkq.cli.options.types import TargetText
from bulkq.errors import UsageError
from bulkq.targets import DefaultSetting

if TYPE_CHECKING:
    from pathlib import Path

    from click.shell_completion import CompletionItem

    from bulkq.model import Run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration and a query file."""
    (tmp_path / "bulkq.toml").write_text(
        '[defaults]\ntarget = "dev"\ntimeout = "7s"\nlock-timeout = "none"\nretries = 1\nbatch = 9\nidempotent = true\nconcurrency = 3\n'
        'tag = ["nightly", "eu"]\ninclude = "n,query"\nunordered = true\n[targets.dev]\nurl = "sqlite:////dev.db"\n'
    )
    (tmp_path / "q.sql").write_text(
        "-- name: own\n-- @timeout 1s\n-- @lock_timeout 1s\n-- @retries 4\n-- @batch 2\n-- @idempotent false\nselect 1;\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def request(*arguments: str) -> Run:
    """The run of a command line."""
    made: list[Run] = []

    @click.command()
    @run_options
    @click.pass_context
    def command(ctx: click.Context, /, **options: object) -> None:
        warn_of_password((), ctx, Messages())
        made.append(build(RunOptions(**options), ctx))  # type: ignore[typeddict-item]

    command.main(list(arguments), prog_name="bulkq run", standalone_mode=False)
    return made[0]


def test_a_file_gives_defaults() -> None:
    """What nobody typed is as the file says, converted by the option's own type."""
    run = request("-e", "select 1")
    assert (
        run.targets.selected[0].name,
        run.limits.timeout_s,
        run.limits.lock_timeout_s,
        run.limits.retries,
        run.limits.batch,
    ) == ("dev", 7.0, None, 1, 9)
    assert (run.limits.concurrency, run.queries.tags, run.output.include, run.output.unordered) == (
        3,
        ("nightly", "eu"),
        ("n", "query"),
        True,
    )


def test_lanes_that_a_file_names_are_not_multiplied(monkeypatch: pytest.MonkeyPatch) -> None:
    """One lane for each target is for whoever says nothing; a default in a file says something."""
    assert request("-e", "select 1").limits.concurrency_given
    assert not request("-e", "select 1", "--config", "none", "-t", "sqlite:////x.db").limits.concurrency_given
    monkeypatch.setenv("BULKQ_CONCURRENCY", "8")
    assert request("-e", "select 1", "--config", "none", "-t", "sqlite:////x.db").limits.concurrency_given


def test_a_query_file_outranks_a_default() -> None:
    """A default from a file is none that somebody gave: `@timeout` and its like count."""
    run = request("q.sql", "--write")
    assert (
        run.limits.timeout_given,
        run.limits.lock_timeout_given,
        run.limits.retries_given,
        run.limits.batch_given,
    ) == (False,) * 4
    assert run.safety.idempotent is False


def test_an_option_outranks_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """Typed or in the environment, it is given; a list takes the place of the file's."""
    monkeypatch.setenv("BULKQ_RETRIES", "6")
    run = request(
        "q.sql",
        "--timeout",
        "2s",
        "--batch",
        "auto",
        "--tag",
        "now",
        "-t",
        "sqlite:////x.db",
        "--write",
        "--idempotent",
    )
    assert (run.limits.timeout_s, run.limits.timeout_given, run.limits.retries, run.limits.retries_given) == (
        2.0,
        True,
        6,
        True,
    )
    assert (run.limits.batch, run.limits.batch_given, run.queries.tags, run.safety.idempotent) == (
        None,
        True,
        ("now",),
        True,
    )
    assert [target.url for target in run.targets.selected] == ["sqlite:////x.db"]
    assert request("-e", "select 1", "--config", "none", "-t", "sqlite:////x.db").limits.timeout_s == 30.0


def test_the_pace_of_backfills_is_no_default_of_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run goes on without it, and one line says so; a number counts, and so does what is typed."""
    file, words = folder / "bulkq.toml", ("-e", "select 1", "-t", "sqlite:////x.db")
    file.write_text('[defaults]\nnice = "auto"\n')
    assert request(*words).limits.nice is None
    assert capsys.readouterr().err == (
        'bulkq.toml:2: defaults.nice "auto" is for backfills: this run has no pauses, unless --nice gives a number\n'
    )
    assert request(*words, "--nice", "2").limits.nice == 2
    file.write_text("[defaults]\nnice = 3\n")
    assert request(*words).limits.nice == 3
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("BULKQ_NICE", "auto")
    with pytest.raises(UsageError, match="only a backfill finds its pace"):
        request(*words)


def test_every_common_option_may_have_a_default() -> None:
    """All that has an environment variable, of every command; but not what confirms."""
    known = common_options()
    assert {"timeout", "concurrency", "output", "ledger", "progress", "log-format", "target", "write"} <= set(known)
    assert not {"config", "confirm", "last", "files"} & set(known)
    assert all(f"BULKQ_{name.upper().replace('-', '_')}" == option.envvar for name, option in known.items())


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("timeot", "5s", 'P:3: unknown key "defaults.timeot" (did you mean "timeout"?)'),
        ("timeout", 30, "P:3: defaults.timeout 30: write a unit, for example 30s"),
        ("timeout", True, "P:3: defaults.timeout must be text or a number"),
        ("timeout", ["5s"], "P:3: defaults.timeout must be text or a number"),
        ("concurrency", 0, "P:3: defaults.concurrency 0: must be auto or at least 1"),
        ("concurrency", "many", "P:3: defaults.concurrency many: must be auto or a whole number"),
        ("write", "yes", "P:3: defaults.write must be true or false"),
        ("include", ["n", "parms"], "P:3: defaults.include parms: no such value (did you mean params?)"),
        ("confirm", ["prod"], "P:3: defaults.confirm cannot be set in a file: remove it and type --confirm"),
        ("config", "x", "P:3: defaults.config cannot be set in a file: remove it and type --config"),
    ],
)
def test_a_default_that_cannot_be_one(name: str, value: object, words: str) -> None:
    """The place, the key, and what the option itself says of the value."""
    with pytest.raises(UsageError) as caught:
        default_map({name: DefaultSetting(value, "P:3"), "retries": DefaultSetting(2, "P:4")})
    assert str(caught.value) == words


def test_whether_a_configuration_was_named() -> None:
    """A run that goes on takes the names of a file that was named before those of its own folder."""
    seen: list[tuple[bool, bool]] = []

    @click.command()
    @run_options
    @click.pass_context
    def command(ctx: click.Context, /, **options: object) -> None:
        seen.append((named_config(ctx) is not None, given(ctx, "timeout")))
        assert "dev" in config_of(ctx).targets

    command.main([], standalone_mode=False)
    command.main(["--config", "bulkq.toml", "--timeout", "none"], standalone_mode=False)
    assert seen == [(False, False), (True, True)]


def test_the_shell_completes_names(folder: Path) -> None:
    """`-t d<TAB>` offers targets and groups; a file that cannot be read offers none."""
    assert [item.value for item in complete("d")] == ["dev"]
    assert complete("x") == []
    (folder / "bulkq.toml").write_text("[")
    assert complete("d") == []


def complete(incomplete: str) -> list[CompletionItem]:
    """What `-t` offers."""
    return TargetText().shell_complete(click.Context(click.Command("run")), click.Option(["-t"]), incomplete)


def test_completion_reads_no_configuration(folder: Path) -> None:
    """While the shell completes a word, a broken file is no news."""
    (folder / "bulkq.toml").write_text("[")

    @click.command()
    @run_options
    def command(**options: object) -> None:
        pass

    assert command.make_context("run", ["-e"], resilient_parsing=True).params["sql"] == ()
