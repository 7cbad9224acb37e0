"""What configuration files may say, where they are found, and what is said of a mistake in them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from bulkq.errors import UsageError
from bulkq.model import Secret, Target
from bulkq.targets import load_config
from bulkq.targets.selection import groups_of

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
[defaults]
timeout = "10s"
lock_timeout = "1s"

[targets.dev]
url = "sqlite:///data/app%20one.db"

[targets.prod]
url = "postgresql://app@db1/shop"
password = { command = "pass show prod" }
protected = true
concurrency = 4
tags = ["eu", "replica", "eu"]
throttle = ["lag<2s", "file:hold", "lag<2s", "sql:/abs/q.sql"]
expect.database = "shop"
expect.version = 15
expect.in_recovery = false
expect.sql = "select 1"
expect.value = 1

[targets."eu.db1"]
url = "postgresql://app@db2/shop"
password = { file = "secrets/eu" }

[groups]
all = ["prod", "inner"]
inner = ["d*", "tag:eu"]
"""


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of the test's own, and no configuration of whoever runs it."""
    monkeypatch.delenv("BULKQ_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    (tmp_path / "project" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project" / "deep")


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def complaints(path: Path, text: str) -> list[str]:
    """The lines of what is wrong with a file, which must be something."""
    with pytest.raises(UsageError) as caught:
        load_config(str(write(path, text)))
    return str(caught.value).replace(f"{path}:", "F:").splitlines()


def test_all_that_a_file_may_say(tmp_path: Path) -> None:
    """Targets, groups and defaults; files are found from where the configuration lies."""
    write(tmp_path / "project" / "bulkq.toml", GOOD)
    config = load_config()
    folder = tmp_path / "project"
    assert config.files == ("../bulkq.toml",)
    assert config.targets["dev"] == Target(url=f"sqlite:///{folder}/data/app%20one.db", name="dev")
    prod = config.targets["prod"]
    assert prod.password == Secret(command=("/bin/sh", "-c", "pass show prod"), folder=str(folder))
    assert (prod.protected, prod.concurrency, prod.tags) == (True, 4, ("eu", "replica"))
    assert prod.throttle == ("lag<2s", f"file:{folder}/hold", "sql:/abs/q.sql")
    assert prod.expect == {"database": "shop", "version": "15", "in_recovery": "false", "sql": "select 1", "value": "1"}
    assert config.targets["eu.db1"].password == Secret(file=str(folder / "secrets" / "eu"))
    assert config.groups == {"all": ("prod", "inner"), "inner": ("d*", "tag:eu")}
    assert {name: (s.value, s.place) for name, s in config.defaults.items()} == {
        "timeout": ("10s", "../bulkq.toml:2"),
        "lock-timeout": ("1s", "../bulkq.toml:3"),
    }
    assert groups_of("dev", config) == ("all", "inner")
    assert groups_of("eu.db1", config) == ()
    assert config.places["prod"] == "../bulkq.toml:8"
    assert config.throttle_places["prod"] == "../bulkq.toml:14"


@pytest.mark.parametrize(
    ("password", "secret"),
    [
        ('{ env = "PW" }', Secret(env="PW")),
        ('{ file = "/run/pw" }', Secret(file="/run/pw")),
        ('{ command = ["pass", "show"] }', Secret(command=("pass", "show"), folder="HERE")),
    ],
)
def test_three_places_for_a_password(tmp_path: Path, password: str, secret: Secret) -> None:
    """The environment, a file, a command with its arguments."""
    path = write(tmp_path / "b.toml", f'[targets.a]\nurl = "postgresql://h/d"\npassword = {password}\n')
    found = load_config(str(path)).targets["a"].password
    assert found is not None
    assert found == Secret(env=secret.env, file=secret.file, command=secret.command, folder=found.folder)
    assert found.folder == (str(tmp_path) if secret.command else "")


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////abs/a.db",
        "postgresql:///shop",
        "postgresql://h/d",
        "duckdb:///:memory:",
        "duckdb:///md:shop",
        "sqlite://",
        "sqlite+libsql://host/shop",
        "sqlite+pysqlcipher://:key@//abs/a.db",
    ],
)
def test_only_relative_files_are_anchored(tmp_path: Path, url: str) -> None:
    """A URL that names no file, or one from the root, stays as it is."""
    path = write(tmp_path / "b.toml", f'[targets.a]\nurl = "{url}"\n')
    assert load_config(str(path)).targets["a"].url == url


def test_a_file_with_a_key(tmp_path: Path) -> None:
    """Its path is seen from the folder of the configuration, too, and its key may be looked up."""
    text = '[targets.a]\nurl = "sqlite+pysqlcipher://:k@/a.db?kdf_iter=1"\n'
    text += '[targets.b]\nurl = "sqlite+pysqlcipher:///b.db"\npassword = { env = "KEY" }\n'
    targets = load_config(str(write(tmp_path / "b.toml", text))).targets
    assert targets["a"].url == f"sqlite+pysqlcipher://:k@/{tmp_path}/a.db?kdf_iter=1"
    assert targets["b"].password == Secret(env="KEY")


# --- where it is found ----------------------------------------------------------------------------------------------


def test_the_nearest_file_counts(tmp_path: Path) -> None:
    """The first folder upwards that has one; in it bulkq.toml comes before pyproject.toml."""
    write(tmp_path / "bulkq.toml", '[targets.far]\nurl = "sqlite:///a.db"\n')
    write(tmp_path / "project" / "pyproject.toml", '[tool.bulkq.targets.near]\nurl = "sqlite:///a.db"\n')
    assert list(load_config().targets) == ["near"]
    write(tmp_path / "project" / "bulkq.toml", '[targets.nearest]\nurl = "sqlite:///a.db"\n')
    assert list(load_config().targets) == ["nearest"]
    assert list(load_config(folder=str(tmp_path)).targets) == ["far"]


@pytest.mark.parametrize(
    "text", ["[project]\nname = 'bulkq'\n", "[tool.other]\na = 1\n", "this is bulkq, no toml", "\xff"]
)
def test_other_peoples_pyproject_is_passed_by(tmp_path: Path, text: str) -> None:
    """A pyproject.toml without `[tool.bulkq]` is nothing to us, broken or not."""
    (tmp_path / "project" / "pyproject.toml").write_bytes(text.encode("latin-1"))
    write(tmp_path / "bulkq.toml", '[targets.far]\nurl = "sqlite:///a.db"\n')
    assert list(load_config().targets) == ["far"]


def test_a_broken_pyproject_with_our_table_is_an_error(tmp_path: Path) -> None:
    """Where `[tool.bulkq]` stands in it, its mistakes are ours to report; so is a wrong kind of value."""
    path = write(tmp_path / "project" / "pyproject.toml", "[tool.bulkq]\na = [\n")
    with pytest.raises(UsageError, match=r"^\.\./pyproject\.toml:3: invalid TOML: invalid value$"):
        load_config()
    path.write_text("[tool]\nx = 1\nbulkq = 3\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"^\.\./pyproject\.toml:3: tool\.bulkq must be a table"):
        load_config()
    path.write_text("[tool.bulkq.targets.a]\nurl = 1\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"^\.\./pyproject\.toml:2: targets\.a\.url must be text"):
        load_config()


def test_the_users_file_lies_beneath(tmp_path: Path) -> None:
    """What the project says takes the place of what the user's own file says under the same name."""
    write(
        tmp_path / "user" / "bulkq" / "bulkq.toml",
        '[defaults]\ntimeout = "1s"\nretries = 2\n[targets.a]\nurl = "sqlite:////u.db"\n[targets.mine]\nurl = "sqlite:////m.db"\n[groups]\ng = ["mine"]\n',
    )
    write(
        tmp_path / "project" / "bulkq.toml",
        '[defaults]\ntimeout = "2s"\n[targets.a]\nurl = "sqlite:////p.db"\n[groups]\nh = ["g", "a"]\n',
    )
    config = load_config()
    assert {name: setting.value for name, setting in config.defaults.items()} == {"timeout": "2s", "retries": 2}
    assert {name: target.url for name, target in config.targets.items()} == {
        "a": "sqlite:////p.db",
        "mine": "sqlite:////m.db",
    }
    assert config.groups == {"h": ("g", "a"), "g": ("mine",)}


def test_a_named_file_takes_the_projects_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--config FILE`, or BULKQ_CONFIG; `none` reads nothing at all."""
    write(tmp_path / "project" / "bulkq.toml", '[targets.a]\nurl = "sqlite:////a.db"\n')
    other = write(tmp_path / "other.toml", '[targets.b]\nurl = "sqlite:////b.db"\n')
    assert list(load_config(str(other)).targets) == ["b"]
    monkeypatch.setenv("BULKQ_CONFIG", str(other))
    assert list(load_config().targets) == ["b"]
    assert load_config("none").targets == {}
    assert load_config("none").files == ()
    pyproject = write(tmp_path / "pyproject.toml", '[tool.bulkq.targets.c]\nurl = "sqlite:////c.db"\n')
    assert list(load_config(str(pyproject)).targets) == ["c"]


def test_the_users_file_may_be_named(tmp_path: Path) -> None:
    """Then it is read once."""
    path = write(tmp_path / "user" / "bulkq" / "bulkq.toml", '[targets.a]\nurl = "sqlite:////a.db"\n')
    assert load_config(str(path)).files == (str(path),)


def test_without_a_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No file anywhere is a configuration that says nothing."""
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_config().files == ()


def test_a_planted_file_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's file in a folder where everybody may write could name commands for us to run."""
    write(tmp_path / "project" / "bulkq.toml", '[targets.a]\nurl = "sqlite:////a.db"\n')
    monkeypatch.setattr(os, "getuid", lambda: 4242)
    if (tmp_path / "project").stat().st_uid == 0:
        os.chown(tmp_path / "project" / "bulkq.toml", 4243, -1)
    assert list(load_config().targets) == [
        "a"
    ]  # somebody else's, but where only they may write: a checkout in a container
    (tmp_path / "project").chmod(0o1777)
    config = load_config()
    assert config.targets == {}
    assert "belongs to another user" in config.notices[0]


# --- what is wrong --------------------------------------------------------------------------------------------------

WRONG = {
    "a section": ("[target.a]\n", 'F:1: unknown key "target" (did you mean "targets"?)'),
    "no table": ("targets = 3\n", "F:1: targets must be a table: write [targets]"),
    "a key": ('[targets.a]\nurl = "sqlite:////a.db"\nprotcted = true\n', 'F:3: unknown key "targets.a.protcted" (did you mean "protected"?)'),
    "a strange key": (
        '[targets.a]\nurl = "sqlite:////a.db"\nzzz = true\n',
        'F:3: unknown key "targets.a.zzz" (there are: url, password, protected, concurrency, tags, expect, throttle)',
    ),
    "no target": ("[targets]\na = 'sqlite:////a.db'\n", 'F:2: targets.a must be a table: write [targets.a] and url = "..." below'),
    "no url": ("[targets.a]\n", 'F:1: targets.a has no url: write url = "postgresql://user@host/database"'),
    "no URL": ('[targets.a]\nurl = "app.db"\n', 'F:2: targets.a.url "app.db" is not a URL: write it like'),
    "a hidden password": ('[targets.a]\nurl = "u:s3cr3t@h/d"\n', 'F:2: targets.a.url "***@h/d" is not a URL'),
    "a number as url": ("[targets.a]\nurl = 3\n", "F:2: targets.a.url must be text"),
    "protected": ('[targets.a]\nurl = "sqlite:////a.db"\nprotected = "yes"\n', "F:3: targets.a.protected must be true or false"),
    "concurrency": ('[targets.a]\nurl = "sqlite:////a.db"\nconcurrency = 0\n', "F:3: targets.a.concurrency must be a whole number, at least 1"),
    "true lanes": ('[targets.a]\nurl = "sqlite:////a.db"\nconcurrency = true\n', "F:3: targets.a.concurrency must be a whole number"),
    "tags": ('[targets.a]\nurl = "sqlite:////a.db"\ntags = "eu"\n', "F:3: targets.a.tags must be a list of texts"),
    "throttles": ('[targets.a]\nurl = "sqlite:////a.db"\nthrottle = "lag<2s"\n', "F:3: targets.a.throttle must be a list of expressions"),
    "a throttle": ('[targets.a]\nurl = "sqlite:////a.db"\nthrottle = ["lagg<2s"]\n', 'F:3: targets.a.throttle "lagg<2s": unknown signal "lagg" (did you mean "lag"?)'),
    "a plain password": ('[targets.a]\nurl = "postgresql://h/d"\npassword = "s3cr3t"\n', 'F:3: targets.a.password must name the source of the password: password = { env = "NAME" }'),
    "two passwords": ('[targets.a]\nurl = "postgresql://h/d"\npassword = { env = "A", file = "b" }\n', "F:3: targets.a.password must name one source"),
    "a password key": ('[targets.a]\nurl = "postgresql://h/d"\npassword = { evn = "A", env = "A" }\n', 'F:3: unknown key "targets.a.password.evn" (did you mean "env"?)'),
    "an empty command": ('[targets.a]\nurl = "postgresql://h/d"\npassword = { command = [] }\n', "F:3: targets.a.password.command must be text, or a list"),
    "a number as variable": ('[targets.a]\nurl = "postgresql://h/d"\npassword = { env = 3 }\n', "F:3: targets.a.password.env must be text"),
    "a password twice": ('[targets.a]\nurl = "postgresql://u:pw@h/d"\npassword = { env = "A" }\n', "F:3: targets.a.password and the url both give a password"),
    "a file's password": ('[targets.a]\nurl = "sqlite:////a.db"\npassword = { env = "A" }\n', "F:3: targets.a.password cannot be used: the driver of the url cannot open encrypted files"),
    "expect": ('[targets.a]\nurl = "sqlite:////a.db"\nexpect = "shop"\n', "F:3: targets.a.expect must be a table"),
    "an expectation": ('[targets.a]\nurl = "sqlite:////a.db"\nexpect.databse = "shop"\n', 'F:3: unknown key "targets.a.expect.databse" (did you mean "database"?)'),
    "half a query": ('[targets.a]\nurl = "sqlite:////a.db"\nexpect.sql = "select 1"\n', "F:3: targets.a.expect.sql needs expect.value"),
    "half an answer": ('[targets.a]\nurl = "sqlite:////a.db"\nexpect.value = "1"\n', "F:3: targets.a.expect.value needs expect.sql"),
    "recovery": ('[targets.a]\nurl = "sqlite:////a.db"\nexpect.in_recovery = "no"\n', "F:3: targets.a.expect.in_recovery must be true or false"),
    "a list expected": ('[targets.a]\nurl = "sqlite:////a.db"\nexpect.database = []\n', "F:3: targets.a.expect.database must be text, a number"),
    "a name of two lines": ('[targets."a\\nb"]\nurl = "sqlite:////a.db"\n', 'F:1: "a\\nb" cannot be a name: use letters, digits, "_", "-" and "."'),
    "a name": ('[targets."a b"]\nurl = "sqlite:////a.db"\n', 'F:1: "a b" cannot be a name: use letters, digits, "_", "-" and "."'),
    "no list": ("[groups]\na = 'b'\n", "F:2: groups.a must be a list of names"),
    "an empty group": ("[groups]\na = []\n", "F:2: groups.a must be a list of names"),
    "one name for two": ('[targets.a]\nurl = "sqlite:////a.db"\n[groups]\na = ["a"]\n', 'F:4: "a" is a target already: give the group another name'),
    "a member": ('[targets.prod]\nurl = "sqlite:////a.db"\n[groups]\na = ["prd"]\n', 'F:4: group "a": unknown target "prd" (did you mean prod?)'),
    "a URL as member": ('[groups]\na = ["sqlite:////a.db"]\n', 'F:2: group "a": a group cannot contain a URL'),
    "a circle": ('[groups]\na = ["b"]\nb = ["c"]\nc = ["a"]\n', 'F:2: group "a" contains itself: a -> b -> c -> a'),
    "itself": ('[groups]\na = ["a"]\n', 'F:2: group "a" contains itself: a -> a'),
    "no toml": ("[targets\n", "F:1: "),
    "twice": ('[targets.a]\nurl = "sqlite:////a.db"\nurl = "sqlite:////a.db"\n', "F:3: invalid TOML: cannot overwrite a value"),
    "an end": ('a = "b', "F:1: "),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_one_line_for_each_mistake(tmp_path: Path, case: str) -> None:
    """The file, the line, the key and the next step; never a password."""
    text, words = WRONG[case]
    (line,) = complaints(tmp_path / "b.toml", text)
    assert line.startswith(words), line
    assert "s3cr3t" not in line


def test_a_circle_behind_a_group_is_the_circles(tmp_path: Path) -> None:
    """A group that only leads into a circle is not blamed for it."""
    lines = complaints(tmp_path / "b.toml", '[groups]\nfirst = ["a"]\na = ["b"]\nb = ["a"]\n')
    assert lines[-1] == 'F:3: group "a" contains itself: a -> b -> a'


def test_mistakes_come_together(tmp_path: Path) -> None:
    """All that is wrong with a file is told at once, twenty lines of it."""
    lines = complaints(tmp_path / "b.toml", "".join(f"[targets.t{n}]\n" for n in range(25)))
    assert len(lines) == 21
    assert lines[-1] == "and 5 more"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A file that is not there, is a folder, or is not UTF-8."""
    for path, words in ((tmp_path / "no.toml", "no such file"), (tmp_path, "cannot read")):
        with pytest.raises(UsageError, match=words):
            load_config(str(path))
    (tmp_path / "latin.toml").write_bytes(b"a = 1\nb = '\xe9'\n")
    with pytest.raises(UsageError, match=r"latin\.toml:2: byte 0xe9 is not UTF-8"):
        load_config(str(tmp_path / "latin.toml"))
    (tmp_path / "deep.toml").write_text(f"a = {'[' * 5000}{']' * 5000}\n")
    with pytest.raises(UsageError, match="nested too deeply"):
        load_config(str(tmp_path / "deep.toml"))


def test_a_password_that_others_can_read(tmp_path: Path) -> None:
    """One warning for a file, naming the line, and never the password."""
    text = '[targets.a]\nurl = "postgresql://u:s3cr3t@h/d"\n[targets.b]\nurl = "postgresql://u:s3cr3t@h/e"\n'
    path = write(tmp_path / "b.toml", text)
    assert load_config(str(path)).notices == ()
    path.chmod(0o640)
    (notice,) = load_config(str(path)).notices
    assert notice.startswith(f"{path}:2: others can read the password in targets.a.url: chmod 600")
    assert "s3cr3t" not in notice
