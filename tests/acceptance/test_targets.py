"""Names of databases as a user types them: what works, what is refused, and what is said of a mistake."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from bulkq.cli import main
from tests.support.servers.processes import free_port
from tests.support.shop import values

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Cli

Bulkq = Callable[..., tuple[int, str, str]]

CONFIG = """\
[defaults]
concurrency = 2

[targets.dev]
url = "sqlite:///app.db"
tags = ["eu"]

[targets.prod]
url = "sqlite:///app.db"
protected = true
expect.sql = "select name from identity"
expect.value = "shop"

[targets.other]
url = "sqlite:///app.db"
expect.sql = "select name from identity"
expect.value = "other"

[targets.vault]
url = "postgresql://app@127.0.0.1:1/shop"
password = { command = "echo hunter2; echo vault is sealed >&2; exit 2" }

[targets.unset]
url = "postgresql://app@127.0.0.1:1/shop"
password = { env = "SHOP_PASSWORD_THAT_NOBODY_SETS" }

[targets.nofile]
url = "postgresql://app@127.0.0.1:1/shop"
password = { file = "secrets/none" }

[groups]
everything = ["dev", "prod"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a database and a configuration, and a folder in it."""
    database = sqlite3.connect(tmp_path / "app.db")
    database.executescript(
        "create table t (id integer primary key, v text); insert into t values (1, 'one'), (2, 'two');"
        "create table identity (name text); insert into identity values ('shop');"
    )
    database.close()
    (tmp_path / "bulkq.toml").write_text(CONFIG)
    (tmp_path / "ids.csv").write_text("id\n1\n2\n")
    (tmp_path / "inner").mkdir()
    return tmp_path


@pytest.fixture
def bulkq(folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Bulkq:
    """Runs a command in this process, in the folder: exit code, stdout, stderr."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    for name in [name for name in os.environ if name.startswith("BULKQ_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        out, err = capfd.readouterr()
        return code, out, err

    return run


READ = ("run", "-e", "select v from t where id = :id", "-p", "ids.csv")
WRITE = ("run", "-e", "update t set v = upper(v) where id = :id", "-p", "ids.csv", "--write")


def test_a_name_works_wherever_a_url_does(bulkq: Bulkq, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a folder below, the file above is found, and what it names is found from there."""
    monkeypatch.chdir(folder / "inner")
    code, out, err = bulkq(
        "run", "-e", "select v from t order by id", "-t", "dev", "--include", "target", "--progress", "none"
    )
    assert code == 0, err
    assert [json.loads(line) for line in out.splitlines()] == [
        {"v": "one", "_target": "dev"},
        {"v": "two", "_target": "dev"},
    ]
    monkeypatch.chdir(folder)
    (folder / "q.sql").write_text("-- name: q\nselect v from t;\n")
    assert bulkq("doctor", "-t", "dev")[1].splitlines()[0].split() == ["target", "dev"]
    assert "dev prepared 1 query" in bulkq("lint", "q.sql", "--prepare", "-t", "dev")[2]
    code, out, _ = bulkq("plan", "run", "q.sql", "-t", "prod")
    assert (code, out.splitlines()[0].split()) == (0, ["target", "prod"])
    assert bulkq("list", "q.sql", "-t", "dev")[0] == 0
    _, out, _ = bulkq(
        "run", "-e", "select :id as id", "-p", "sql:select id from t", "--params-target", "prod", "-t", "dev"
    )
    assert out == '{"id":1}\n{"id":2}\n'


def test_a_protected_target_wants_its_name(bulkq: Bulkq, folder: Path) -> None:
    """A write is refused in one line that names the option; with it, it is done. Reads need nothing."""
    refused = (4, "", 'bulkq: target "prod" is protected: add --confirm prod to change data there\n')
    assert bulkq(*WRITE, "-t", "prod") == refused
    assert bulkq(*WRITE, "-t", "everything", "--confirm", "dev")[0] in {2, 4}
    assert "is protected" in bulkq("plan", *WRITE, "-t", "prod")[1]
    assert values(folder) == ["one", "two"]
    assert bulkq(*READ, "-t", "prod")[0] == 0
    assert bulkq(*WRITE, "-t", "prod", "--confirm", "prod")[0] == 0
    assert values(folder) == ["ONE", "TWO"]


def test_another_database_is_refused(cli: Cli, folder: Path) -> None:
    """Exit code 4, what was expected and what was found; nothing of the user's is executed."""
    done = cli(*WRITE, "-t", "other")
    assert done.code == 4
    assert 'target "other" is not the expected database: expected "other" from expect.sql but found "shop"' in done.err
    assert values(folder) == ["one", "two"]


BAD = {
    "a name": (["-t", "dve"], 'bulkq: unknown target "dve" (did you mean dev?)'),
    "a group": (["-t", "everythin"], 'bulkq: unknown target "everythin" (did you mean everything?)'),
    "a glob": (
        ["-t", "stage-*"],
        'bulkq: no target matches "stage-*" (there are: dev, prod, other, vault, unset, nofile)',
    ),
    "a tag": (["-t", "tag:ue"], 'bulkq: no target has the tag "ue" (there are: eu)'),
    "a command": (["-t", "vault"], 'bulkq: target "vault": its password command exited with status 2: vault is sealed'),
    "a variable": (
        ["-t", "unset"],
        'bulkq: target "unset": its password is read from the environment variable "SHOP_PASSWORD_THAT_NOBODY_SETS", which is not set',
    ),
    "a file": (["-t", "nofile"], 'secrets/none" cannot be read: no such file or directory'),
    "a configuration": (["-t", "dev", "--config", "none.toml"], 'bulkq: no such file: "none.toml"'),
    "no configuration": (["-t", "dev", "--config", "none"], 'bulkq: target "dev" is not a URL'),
    "a target of parameters": (
        ["-t", "dev", "--params-target", "dve"],
        'bulkq: unknown target "dve" (did you mean dev?)',
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_one_line_says_what_to_do(bulkq: Bulkq, case: str) -> None:
    """Every mistake in a name or a secret is one line and exit code 2; a password is not in it."""
    arguments, words = BAD[case]
    code, out, err = bulkq(*READ, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert words in err
    assert "hunter" not in err


BROKEN = {
    "a circle": ('[groups]\na = ["b"]\nb = ["a"]\n', 'b.toml:2: group "a" contains itself: a -> b -> a'),
    "a key": ('[targets.a]\nurl = "sqlite:///a.db"\nprotcted = true\n', 'b.toml:3: unknown key "targets.a.protcted" (did you mean "protected"?)'),
    "a type": ('[targets.a]\nurl = "sqlite:///a.db"\nprotected = "yes"\n', "b.toml:3: targets.a.protected must be true or false"),
    "a default": ("[defaults]\ntimeout = 5\n", "b.toml:2: defaults.timeout 5: write a unit, for example 5s"),
    "an unknown default": ('[defaults]\ntimeot = "5s"\n', 'b.toml:2: unknown key "defaults.timeot" (did you mean "timeout"?)'),
    "no TOML": ("[defaults\n", "b.toml:1: "),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_one_line(bulkq: Bulkq, folder: Path, case: str) -> None:
    """The file, the line and the next step, whatever the command."""
    text, words = BROKEN[case]
    (folder / "b.toml").write_text(text)
    code, out, err = bulkq("targets", "list", "--config", "b.toml")
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert err.startswith(words)


def test_errors_follow_the_defaults(bulkq: Bulkq, folder: Path) -> None:
    """`log-format` and `debug` of a file hold for the line of an error too."""
    (folder / "bulkq.toml").write_text('[defaults]\nlog-format = "json"\ndebug = true\n')
    code, _, err = bulkq("run", "-e", "select 1", "-t", "x")
    assert code == 2
    assert "Traceback" in err
    assert json.loads(err.splitlines()[-1])["level"] == "error"


def test_an_exposed_password_is_warned_of(bulkq: Bulkq, folder: Path) -> None:
    """A file that others can read, with a password in a URL: the line, what to do, and not the password."""
    (folder / "bulkq.toml").write_text('[targets.a]\nurl = "postgresql://u:s3cr3t@h/d"\n')
    (folder / "bulkq.toml").chmod(0o644)
    code, out, err = bulkq("targets", "list")
    assert (code, err.count("\n")) == (0, 1)
    assert err.startswith(
        "bulkq: warning: bulkq.toml:2: others can read the password in targets.a.url: chmod 600 bulkq.toml"
    )
    assert out.splitlines()[1].split() == ["a", "postgresql://u@h/d"]
    assert "s3cr3t" not in out + err


# --- targets list | test --------------------------------------------------------------------------------------------


def test_targets_are_listed(bulkq: Bulkq, folder: Path) -> None:
    """A table, or objects; of all, or of those that are named."""
    code, out, _ = bulkq("targets", "list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == [
        "name",
        "dev",
        "prod",
        "other",
        "vault",
        "unset",
        "nofile",
    ]
    assert "hunter" not in out
    code, out, _ = bulkq("targets", "list", "everything", "--format", "json")
    assert json.loads(out)[1] == {
        "name": "prod",
        "url": f"sqlite:///{folder}/app.db",
        "groups": ["everything"],
        "tags": [],
        "protected": True,
        "throttle": [],
        "concurrency": None,
        "password": None,
        "expect": {"sql": "select name from identity", "value": "shop"},
        "place": "bulkq.toml:8",
    }
    code, _, err = bulkq("targets", "list", "--config", "none")
    assert (code, err.count("\n")) == (2, 1)
    assert "write [targets.NAME]" in err


def test_targets_are_tried(bulkq: Bulkq, folder: Path) -> None:
    """Each is a line, in order: what it is, or what is wrong; the worst decides the exit code."""
    port = free_port()
    (folder / "bulkq.toml").write_text(f'{CONFIG}\n[targets.down]\nurl = "postgresql://u@127.0.0.1:{port}/d"\n')
    code, out, _ = bulkq("targets", "test", "dev", "prod")
    assert (code, [line.split()[:2] for line in out.splitlines()]) == (0, [["dev", "ok"], ["prod", "ok"]])
    assert "sqlite 3" in out
    code, out, _ = bulkq("targets", "test", "down", "dev", "vault")
    assert (code, [line.split()[:2] for line in out.splitlines()]) == (
        3,
        [["down", "failed"], ["dev", "ok"], ["vault", "failed"]],
    )
    assert str(port) in out
    assert "vault is sealed" in out
    assert bulkq("targets", "test", "vault")[0] == 2
    code, out, _ = bulkq("targets", "test", "--format", "json", "-j", "1", "down", "other", "dev")
    assert code == 4
    assert [(one["name"], one["ok"], one["exit"]) for one in json.loads(out)] == [
        ("down", False, 3),
        ("other", False, 4),
        ("dev", True, 0),
    ]


def test_one_that_is_down_hides_no_other(bulkq: Bulkq, folder: Path) -> None:
    """`doctor` and `lint --prepare` ask several targets, and name the one that cannot be reached."""
    port = free_port()
    (folder / "bulkq.toml").write_text(f'{CONFIG}\n[targets.down]\nurl = "postgresql://u@127.0.0.1:{port}/d"\n')
    (folder / "q.sql").write_text("-- name: q\nselect nope from t;\n")
    code, out, err = bulkq("doctor", "-t", "down", "-t", "everything")
    assert (code, err.count("\n")) == (3, 1)
    assert err.startswith('bulkq: target "down": connection refused')
    assert [line.split()[1] for line in out.splitlines() if line.startswith("target")] == ["dev", "prod"]
    code, out, err = bulkq("doctor", "-t", "other", "-t", "dev", "--format", "json")
    assert (code, [one["target"] for one in json.loads(out)]) == (4, ["dev"])
    assert err.count('"other"') == 2
    code, out, err = bulkq("lint", "q.sql", "--prepare", "-t", "down", "-t", "everything")
    assert code == 3
    found = [line.partition(" SQLITE_ERROR")[0] for line in out.splitlines() if line.startswith("q.sql")]
    assert found == ["q.sql:2: dev:", "q.sql:2: prod:"]
    assert 'target "down": connection refused' in err
    assert bulkq("lint", "q.sql", "--prepare", "-t", "everything")[0] == 1


def test_a_plan_looks_at_every_target(bulkq: Bulkq, folder: Path) -> None:
    """All of the plan on the first that can be reached; of the others what they are, or say against a statement."""
    database = sqlite3.connect(folder / "bare.db")
    database.execute("create table t (id integer)")
    database.close()
    port = free_port()
    more = f'\n[targets.down]\nurl = "postgresql://u@127.0.0.1:{port}/d"\n[targets.bare]\nurl = "sqlite:///bare.db"\n'
    (folder / "bulkq.toml").write_text(CONFIG + more)
    code, out, _ = bulkq("plan", *READ, "-t", "down", "-t", "dev", "-t", "prod")
    lines = out.splitlines()
    assert code == 3
    assert lines[0] == "targets       3: down, dev, prod; the plan examines the first that can be reached"
    assert lines[1].split() == ["target", "dev"]
    assert [line.partition(" 3.")[0] for line in lines if line.startswith("also")] == [
        f"also          down: connection refused: 127.0.0.1:{port}: is the server running?",
        "also          prod: sqlite",
    ]
    code, out, _ = bulkq("plan", *READ, "-t", "dev", "-t", "bare")
    assert code == 1
    assert "-e:1: bare: SQLITE_ERROR no such column: v" in out
    code, out, _ = bulkq("plan", *READ, "-t", "dev", "-t", "other")
    assert code == 4
    assert 'expected "other" from expect.sql but found "shop"' in out
    assert bulkq("plan", *READ, "-t", "down", "-t", "other")[0] == 3
    assert bulkq("plan", *READ, "-t", "dev", "-t", "vault")[0] == 2
    code, out, _ = bulkq("plan", *READ, "-t", "dev", "--targets-sql", "select 1")
    assert out.startswith(
        'targets       unknown: --targets-sql "select 1" is not executed; it would run on dev\nasks          dev'
    )
    assert (code, "prepared    when its targets are known" in out) == (0, True)
    code, out, _ = bulkq("plan", *READ, "-t", "dev", "--targets-sql", "select url from nosuch")
    assert (code, "--targets-sql:1: SQLITE_ERROR no such table: nosuch" in out) == (2, True)


# --- runs that go on ------------------------------------------------------------------------------------------------


def test_a_run_goes_on_with_the_name(
    bulkq: Bulkq, folder: Path, password_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger keeps no command; the name is looked up again where the run was started, wherever it goes on."""
    text = f'[targets.shop]\nurl = "{password_url}"\npassword = {{ command = "echo right" }}\n'
    (folder / "bulkq.toml").write_text(text)
    monkeypatch.chdir(folder / "inner")
    run = ("run", "-e", "select 1 / (:id::int - 1) as x", "-p", "../ids.csv", "-t", "shop", "-o", "out.csv")
    code, _, err = bulkq(*run)
    assert code == 1, err
    state = folder / "state" / "bulkq"
    kept = b"".join(path.read_bytes() for path in state.iterdir() if path.is_file())
    assert b"shop" in kept
    assert b"echo right" not in kept
    monkeypatch.chdir(folder.parent)
    code, _, err = bulkq("retry", "--last")
    assert code == 1, err
    assert " shop lanes=" in err.splitlines()[0]
    (folder / "elsewhere.toml").write_text(f'{text}expect.user = "another"\n')
    code, _, err = bulkq("retry", "--last", "--config", str(folder / "elsewhere.toml"))
    assert code == 4
    assert 'expected user "another" but found' in err
    (folder / "bulkq.toml").write_text("")
    code, _, err = bulkq("retry", "--last", "--config", "none")
    assert (code, err.count("\n")) == (2, 1), err
    assert "its password command is not stored with the run" in err
