"""What `--ledger` may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkq.errors import UsageError
from bulkq.ledger.location import default_path, locate


def test_auto_is_in_the_state_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """XDG_STATE_HOME where it is absolute, else ~/.local/state."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert locate("auto").path == tmp_path / "bulkq" / "ledger.db"
    assert locate("auto").auto
    monkeypatch.setenv("HOME", str(tmp_path))
    for given in ("", "relative"):
        monkeypatch.setenv("XDG_STATE_HOME", given)
        assert default_path() == tmp_path / ".local" / "state" / "bulkq" / "ledger.db"


def test_an_account_without_a_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then a ledger has to be named."""

    def homeless() -> Path:
        raise RuntimeError

    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(UsageError, match="--ledger FILE"):
        default_path()


@pytest.mark.parametrize("url", ["l.db", "sqlite:///l.db", "sqlite+aiosqlite:///l.db"])
def test_a_file_is_named_by_path_or_url(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Relative ones are relative to here."""
    monkeypatch.chdir(tmp_path)
    place = locate(url)
    assert (place.path, place.shown, place.auto) == (tmp_path.resolve() / "l.db", "l.db", False)


def test_absolute_urls_home_and_links(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`sqlite:////abs`, `~`, `%20`, and a link's file, beside which the lock has to lie."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "link.db").symlink_to(tmp_path / "real.db")
    assert locate(f"sqlite:///{tmp_path}/a%20b.db?mode=rw").path == tmp_path.resolve() / "a b.db"
    assert locate("~/x.db").path == tmp_path.resolve() / "x.db"
    assert locate(str(tmp_path / "link.db")).path == tmp_path.resolve() / "real.db"


@pytest.mark.parametrize("url", ["postgresql://u:hunter2@h/d", "postgres://u:hunter2@h/d", "postgresql+asyncpg://u:hunter2@h/d"])  # fmt: skip
def test_a_server_is_shown_without_its_password(url: str) -> None:
    """All spellings mean asyncpg."""
    place = locate(url)
    assert (place.path, place.url) == (None, "postgresql://u:hunter2@h/d")
    assert "hunter2" not in place.shown
    assert "hunter2" not in repr(place)


@pytest.mark.parametrize("url", ["", "none", ":memory:", "sqlite://", "mysql://u:hunter2@h/d", "a\0b"])
def test_what_keeps_nothing_is_refused(url: str) -> None:
    """One line that says what can be written, without a password."""
    with pytest.raises(UsageError, match="write auto, a path") as caught:
        locate(url)
    assert "hunter2" not in str(caught.value)


def test_a_circle_of_links_is_refused(tmp_path: Path) -> None:
    """Instead of a traceback."""
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(UsageError, match="cannot be resolved"):
        locate(str(tmp_path / "a"))
