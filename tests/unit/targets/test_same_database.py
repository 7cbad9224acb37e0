"""Which URLs lead to one database."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bulkq.model import Target
from bulkq.policy.safety import refuse_protected
from bulkq.targets import Config, resolve_targets
from bulkq.targets.same_database import guard_of, list_places


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("postgresql://app@db1/shop", "postgres://root:pw@DB1:5432/shop?sslmode=require", True),
        ("postgresql://app@db1/shop", "postgresql+psycopg2://db1/shop", True),
        ("postgresql://app@db1/shop", "postgresql:///shop?host=db1", True),
        ("postgresql://app@db1:5433/shop", "postgresql://db1/shop?port=5433", True),
        ("postgresql://db1,db2:5433/shop", "postgresql://db2:5433/shop", True),
        ("postgresql://localhost/shop", "postgresql://127.0.0.1/shop", True),
        ("postgresql://[::1]:5432/shop", "postgresql:///shop", True),
        ("postgresql://shop@db1", "postgresql://db1/shop", True),
        ("mysql+pymysql://u@db1/shop", "mariadb+aiomysql://db1:3306/shop", True),
        ("mysql+pymysql://u@db1/shop", "postgresql://db1:3306/shop", False),
        ("postgresql://db1/shop", "postgresql://db1/other", False),
        ("postgresql://db1/shop", "postgresql://db2/shop", False),
        ("postgresql://db1/shop", "postgresql://db1:5433/shop", False),
        ("postgresql:///shop?host=/run/a", "postgresql:///shop?host=/run/b", False),
        ("sqlite:////data/a.db", "sqlite+pysqlite:////data/x/../a.db?mode=rw", True),
        ("sqlite+pysqlcipher://:k%2Fey@//data/a.db?kdf_iter=64000", "sqlite:////data/a.db", True),
        ("sqlite+pysqlcipher://:one@/a.db", "sqlite+pysqlcipher://:two@/a.db", True),
        ("sqlite+pysqlcipher://:key@/a.db", "sqlite+pysqlcipher://:key@/b.db", False),
        ("sqlite:///a@b.db", "sqlite:///b.db", False),
        ("sqlite:////data/a.db", "duckdb:////data/a.db", False),
        ("sqlite:///:memory:", "sqlite:///:memory:", False),
        ("sqlite://", "sqlite://", False),
    ],
)
def test_the_same_place(one: str, other: str, same: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Driver, user, password and spelling do not matter; host, port, database and file do."""
    for name in ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE"):
        monkeypatch.delenv(name, raising=False)
    assert bool(list_places(one) & list_places(other)) is same


def test_the_environment_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a URL leaves out, libpq takes from there."""
    monkeypatch.setenv("PGHOST", "db1")
    monkeypatch.setenv("PGDATABASE", "shop")
    assert guard_of("postgresql://", [("other", "postgresql://db1/x"), ("prod", "postgresql://app@db1/shop")]) == "prod"


def test_links_to_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link, hard or not, and a path from another folder lead to the same file."""
    (tmp_path / "a.db").touch()
    (tmp_path / "soft.db").symlink_to("a.db")
    os.link(tmp_path / "a.db", tmp_path / "hard.db")
    monkeypatch.chdir(tmp_path)
    for path in ("a.db", "soft.db", "hard.db", "./a.db"):
        assert list_places(f"sqlite:///{path}") == list_places(f"sqlite:///{tmp_path}/a.db")


def test_a_url_of_a_protected_database_wants_its_name() -> None:
    """What is protected is the database: its URL wants the same word, and another database none."""
    prod = Target(url="postgresql://app@db1/shop", name="prod", protected=True)
    config = Config(targets={"prod": prod})
    found = resolve_targets(["postgresql://me@db1:5432/shop", "postgresql://me@db1/other"], config)
    assert [(target.name, target.protected, target.guard) for target in found] == [("", True, "prod"), ("", False, "")]
    refused = refuse_protected(found, write=True, confirmed=())
    assert str(refused) == 'target "prod" is protected: add --confirm prod to change data there'
    assert refuse_protected(found, write=True, confirmed=("prod",)) is None


def test_a_service_leads_to_its_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A protected target is found behind the name of a service as well."""
    path = tmp_path / "services"
    path.write_text("[shop]\nhost=DB1\nport=5433\ndbname=shop\n")
    monkeypatch.setenv("PGSERVICEFILE", str(path))
    assert guard_of("postgresql:///?service=shop", [("prod", "postgresql://me@db1:5433/shop")]) == "prod"
    assert guard_of("postgresql:///other?service=shop", [("prod", "postgresql://me@db1:5433/shop")]) == ""
